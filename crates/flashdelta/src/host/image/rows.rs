//! The formats, a row each.

/// Hands the rows to the macro `$expand`: the variant of [`Format`](super::Format), its stable
/// name, its name for people, the endings of file names, what is [special](super::format::Trait)
/// about it, and its [handler](super::formats::handler).
///
/// A file is of the first format here that recognises it; the three of records are told apart by
/// their lines before that.
macro_rules! formats {
    ($expand:ident) => {
        $expand! {
            /// Intel HEX: I8HEX, I16HEX or I32HEX.
            IntelHex, "ihex", "Intel HEX", ["hex", "ihex", "ihx", "h86", "hxl"],
                [Records, Lines, Written], ihex::HANDLER;
            /// Motorola S-records.
            Srec, "srec", "Motorola S-record",
                ["s19", "s28", "s37", "s2", "s3", "srec", "sre", "mot", "mhx", "sx", "s"],
                [Records, Lines, Written], srec::HANDLER;
            /// Texas Instruments' text format for MSP430.
            TiTxt, "ti-txt", "TI-TXT", ["ti-txt"], [Records, Lines, Written], titxt::HANDLER;
            /// Verilog memory file (`$readmemh`).
            Vmem, "vmem", "Verilog memory file", ["vmem"], [], vmem::HANDLER;
            /// JSON of ArduPilot or PX4 that holds the image.
            Apj, "apj", "ArduPilot or PX4 firmware (APJ)", ["apj", "px4"], [Packed], apj::HANDLER;
            /// ELF.
            Elf, "elf", "ELF", [], [Wrapped], elf::HANDLER;
            /// UF2.
            Uf2, "uf2", "UF2", ["uf2"], [Records, Written], uf2_handler::HANDLER;
            /// MCUboot image.
            Mcuboot, "mcuboot", "MCUboot image", [], [], mcuboot::HANDLER;
            /// ST DfuSe file.
            DfuSe, "dfuse", "DfuSe", [], [Wrapped], dfu::DFUSE_HANDLER;
            /// RT-Thread OTA package.
            Rbl, "rbl", "RT-Thread OTA package (RBL)", [], [], rbl::HANDLER;
            /// Silicon Labs Gecko Bootloader file.
            Gbl, "gbl", "Gecko Bootloader file (GBL)", [], [], gbl::HANDLER;
            /// Telink TC32 image.
            Telink, "telink", "Telink image", [], [], telink::HANDLER;
            /// Espressif image, or a flash image merged from some.
            Esp, "esp", "Espressif image", [], [], esp::HANDLER;
            /// Zigbee over-the-air upgrade file.
            ZigbeeOta, "zigbee-ota", "Zigbee OTA", [], [], zigbee::HANDLER;
            /// Ember bootloader file.
            Ebl, "ebl", "Ember bootloader file (EBL)", [], [], ebl::HANDLER;
            /// Plain binary with a DFU suffix.
            Dfu, "dfu", "binary with DFU suffix", [], [Wrapped], dfu::HANDLER;
            /// A plain binary, or something unknown.
            Raw, "raw", "plain binary", ["bin", "img", "rom", "raw"], [Written], plain::HANDLER;
        }
    };
}
pub(super) use formats;
