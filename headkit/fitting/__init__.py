"""fit3dmm between records and arrays: what a record asks for, how its heads are fitted, what it says afterwards."""
