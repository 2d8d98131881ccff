#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the sample firmware: two boards, two releases.
#
#   apt-get install gcc-riscv64-unknown-elf gcc-arm-none-eabi python3
#   testdata/firmware/build.sh [FOLDER]        (default: beside this script)
#
# The committed images were made with gcc 12.2 (Debian 12: riscv64-unknown-elf 12.2.0, arm-none-eabi 12.2.1)
# and binutils 2.40. The same tools give the same bytes in any folder; others give other, equally good images.
# Nothing is linked that is not in src/. The images are committed; after a build, run ../manifest.py.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C SOURCE_DATE_EPOCH=0

cp "$here"/src/*.c "$here"/src/*.h "$here"/src/*.ld "$work"
python3 "$here/src/generate.py" "$work"
cd "$work"

# The order of linking, fixed: what changes in 1.1 sits between things that do not.
sources="start.c main.c support.c fmt.c softfloat.c crc.c hal.c log.c pool.c sensor.c filter.c settings.c json.c
cbor.c vm.c fsm.c sched.c display.c modbus.c link.c alarm.c sensors.c shell.c selftest.c tables.c"
flags="-std=gnu11 -Os -Wall -Wextra -ffreestanding -fno-builtin -fno-common -fno-ident -fno-asynchronous-unwind-tables
-fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections"

build() { # board version-minor prefix cpu-flags...
    board=$1 minor=$2 prefix=$3
    shift 3
    objects=
    for c in $sources; do
        o=$board-$minor-${c%.c}.o
        # shellcheck disable=SC2086
        "$prefix-gcc" "$@" $flags -DFW_MINOR="$minor" -c "$c" -o "$o"
        objects="$objects $o"
    done
    name=$board-1.$minor
    # shellcheck disable=SC2086
    "$prefix-gcc" "$@" -nostdlib -nostartfiles -static -T "$board.ld" -Wl,--gc-sections -Wl,--build-id=none \
        -Wl,-z,max-page-size=16 $objects -o "$name.elf"
    "$prefix-objcopy" -O binary "$name.elf" "$name.bin"
    case $name in
    cortex-m-1.0) "$prefix-objcopy" -O srec --srec-len=32 "$name.elf" "$name.s19" ;;
    cortex-m-1.1) "$prefix-objcopy" -O ihex "$name.elf" "$name.hex" ;;
    esac
    "$prefix-objcopy" --strip-all "$name.elf"
    chmod 644 "$name".*
    cp "$name".* "$out"
}

for minor in 0 1; do
    build riscv $minor riscv64-unknown-elf -march=rv32imc_zicsr -mabi=ilp32 -msmall-data-limit=8
    build cortex-m $minor arm-none-eabi -mcpu=cortex-m4 -mthumb -mfloat-abi=soft
done
