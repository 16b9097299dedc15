"""What must not be published, by how it is written: addresses, paths, keys. Names are in names.py."""

from __future__ import annotations

import re

ADDRESS = re.compile(
    r"[\w.+%-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"
)  # of mail, as people write it; RFC 5321 allows more
_PICTURES = r"(?i:png|jpe?g|webp|gif|tiff?|bmp|heic|heif|avif|cr2|nef|arw|dng|psd|exr)"
PATH = re.compile(
    r"""
      (?<![\w:/.\-])/(?:[\w.@+~-]+/)+[\w.@+~-]+     # /home/somebody/photo, not a part of an address or a ratio
    | (?<!\w)~[\w-]*/[\w.@+-]+                      # ~/photos
    | (?<!\w)[A-Za-z]:\\[\w .@+-]+                  # C:\Users
    | (?<!\\)\\\\[\w.-]+\\[\w.$-]+                  # \\host\share
    | \b(?:file|smb|nfs|s3|gs|ssh|sftp)://\S+
    | (?<![\w:/.])(?:\.{1,2}/)?(?:[\w.@+-]+/)+[\w.@+=-]+\.__PICTURES__\b(?![\w/])  # photos/2019/0001.jpg
    | \b(?:IMG|DSC|DSCN|DSCF|PXL|GOPR|MVIMG)_?[0-9]{4,}\w*                          # as cameras name their files
    """.replace("__PICTURES__", _PICTURES),
    re.VERBOSE,
)
OUTSIDE = re.compile(r"[/~\\]|[A-Za-z]:\\|\w+://")  # how a path begins that leads out of a dataset
KEY = re.compile(
    r"""
      \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                     # Amazon
    | \bgh[pousr]_[A-Za-z0-9]{30,} | \bgithub_pat_\w{30,} | \bglpat-[\w-]{18,}
    | \bhf_[A-Za-z0-9]{28,}                             # Hugging Face
    | \bsk-[\w-]{20,} | \b[rsp]k_(?:live|test)_\w{16,}  # OpenAI and its like; Stripe
    | \bxox[abeprs]-[\w-]{10,} | \bAIza[\w-]{35} | \bya29\.[\w-]{20,}
    | \b(?:npm|dop_v1|r8|nvapi|wandb_v1|pypi)[_-][\w-]{30,}
    | \beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}            # a JSON web token
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
    | \bAAAA[BE][0-9A-Za-z+/]{60,}                      # an SSH key
    | [a-z]+://[^\s/:@]+:[^\s/:@]+@                     # a password in an address
    | [?&](?:X-Amz-Signature|sig|signature|access_token|api_key|key|token)=[\w%+/.-]{12,}
    | (?i:\b(?:api|access|secret|private|auth)[_ -]?(?:key|token)\b|\bpasswor[dt]\b|\bpasswd\b)\s*["']?\s*[:=]\s*["']?[^\s"',;]{6,}
    """,
    re.VERBOSE,
)
KINDS = {"an e-mail address": ADDRESS, "a path": PATH, "a key": KEY}

# A word in which one of them can begin: all others are passed by without another look.
BEGINS = re.compile(
    r"[@/\\~=?]|^\W*(?:IMG|DSC|PXL|GOPR|MVIMG|AKIA|ASIA|gh[pousr]_|github_|glpat-|hf_|[srp]k[-_]|xox|AIza|ya29|npm|dop|r8|nvapi|wandb|pypi|eyJ|-----BEGIN|AAAA)"
    r"|(?i:passwor|passwd|secret|token|key|access|auth|private|api)"
)
