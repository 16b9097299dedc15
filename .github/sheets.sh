#!/bin/sh
# The sheet of the README of what detect and fit3dmm find: sh .github/sheets.sh SFHQ
#
# SFHQ is a folder with the faces named below, of the Synthetic Faces High Quality dataset (David Beniaguev, MIT License,
# https://github.com/SelfishGene/SFHQ-dataset). Writes .github/fits.jpg; takes two minutes.
set -eu
faces=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

headkit pose-sample -n 8 --seed 4711 | headkit caption | headkit generate | headkit detect | headkit fit3dmm -o renders.jsonl
for name in pt1_00000404 pt1_00000471 pt1_00001777 pt2_00000258 pt2_00001494 pt2_00001899 pt2_00002160 pt2_00002844; do
  cp "$faces/$name.jpg" .
  printf '%s.jpg\0' "$name"
done | headkit detect -0 | headkit fit3dmm -o faces.jsonl

drawn='--labels heads --landmarks --mesh --axes --columns 8 --tile 224'
headkit view $drawn --heads -o renders.png renders.jsonl
headkit view $drawn -o faces.png faces.jsonl
python - "$here/fits.jpg" <<'END'
import sys

from PIL import Image

from headkit.overlay.sheet import GAP

sheets = [Image.open(name).convert("RGB") for name in ("renders.png", "faces.png")]
sheets[0] = sheets[0].crop((0, 0, sheets[0].width, 2 * sheets[1].height - GAP))
whole = Image.new("RGB", (sheets[0].width, sum(sheet.height for sheet in sheets)))
place = 0
for sheet in sheets:
    whole.paste(sheet, (0, place))
    place += sheet.height
whole.save(sys.argv[1], quality=82, optimize=True)
END
