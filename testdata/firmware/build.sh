#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the sample firmware: four boards, two releases.
#
#   apt-get install gcc-riscv64-unknown-elf gcc-arm-none-eabi gcc-xtensa-lx106 clang-22 llvm-22 python3
#   testdata/firmware/build.sh [FOLDER]        (default: beside this script)
#
# The committed images were made with gcc 12.2 (Debian 12: riscv64-unknown-elf 12.2.0, arm-none-eabi 12.2.1)
# and binutils 2.40; those for Xtensa with gcc 12.2.0 and binutils 2.40 (xtensa-lx106-elf), and LLVM 22.1.8. The same tools give the same bytes in any folder; others give other, equally good images.
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

# The ESP8266 has no register windows; for the ESP32, which has, GNU's compiler here does not know the way, and LLVM does.
build_esp() { # chip version-minor
    chip=$1 minor=$2
    name=$chip-1.$minor
    objects=
    for c in $sources; do
        o=$name-${c%.c}.o
        if [ "$chip" = esp8266 ]; then
            # shellcheck disable=SC2086
            xtensa-lx106-elf-gcc -mlongcalls $flags -DFW_MINOR="$minor" -c "$c" -o "$o"
        else
            # shellcheck disable=SC2086
            clang-22 --target=xtensa $clang_flags -D__XTENSA_WINDOWED_ABI__ -DFW_MINOR="$minor" -S -emit-llvm "$c" -o "$o.ll"
            llc-22 -mcpu=esp32 -mattr=-fp,-mul32high --function-sections --data-sections "$o.ll" -o "$o.s"
            python3 "$here/place_literals.py" < "$o.s" > "$o.placed.s"
            llvm-mc-22 --triple=xtensa -mcpu=esp32 -mattr=-fp,-mul32high -filetype=obj "$o.placed.s" -o "$o"
        fi
        objects="$objects $o"
    done
    # shellcheck disable=SC2086
    xtensa-lx106-elf-ld -static -T "$chip.ld" --gc-sections --build-id=none -z max-page-size=16 $objects -o "$name.elf"
    : > "$name.calls"
    if [ "$chip" = esp32 ]; then
        xtensa-lx106-elf-objcopy --dump-section .debug_calls="$name.calls" "$name.elf"
    fi
    python3 "$here/esp_image.py" "$chip" "$name.elf" "$name.bin" "$name.calls"
    chmod 644 "$name.bin"
    cp "$name.bin" "$out"
}
clang_flags="-std=gnu11 -Os -Wall -Wextra -ffreestanding -fno-builtin -fno-common -fno-ident -fno-asynchronous-unwind-tables
-ffunction-sections -fdata-sections -Wno-constant-conversion"

for minor in 0 1; do
    build_esp esp8266 $minor
    build_esp esp32 $minor
    build riscv $minor riscv64-unknown-elf -march=rv32imc_zicsr -mabi=ilp32 -msmall-data-limit=8
    build cortex-m $minor arm-none-eabi -mcpu=cortex-m4 -mthumb -mfloat-abi=soft
done
