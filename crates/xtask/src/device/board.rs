//! The machines that QEMU emulates for us.

/// A board of QEMU's, and how its memory is used.
pub(crate) struct Board {
    /// QEMU's name of it.
    pub(crate) name: &'static str,
    pub(crate) qemu: &'static str,
    pub(crate) arguments: &'static [&'static str],
    /// Where the guest's code goes, and its stack.
    pub(crate) code: u32,
    pub(crate) data: u32,
    /// Where the vectors of the exceptions go, and the first instruction; Xtensa only.
    pub(crate) vectors: u32,
    pub(crate) reset: u32,
    /// Memory for images, patches, workspace: where it starts, how many bytes there are.
    pub(crate) memory: (u32, u32),
    /// Instructions in `.1` ticks of the counter that the guest reads.
    instructions_per_tick: (u64, u64),
    /// Whether the counter has 64 bits. Others have 32.
    pub(crate) wide_counter: bool,
    /// Source files of the guest in C: the way to the host, and the assembly.
    pub(crate) host: &'static str,
    pub(crate) assembly: &'static [&'static str],
    /// A feature of the guest in Rust that this board needs.
    pub(crate) feature: Option<&'static str>,
}

impl Board {
    /// `-cpu rv32` would also run what an ESP32-C3 cannot; lowrisc-ibex is RV32IMC and no more.
    /// `minstret` counts every instruction.
    pub(crate) const VIRT: Self = Self {
        name: "virt, lowrisc-ibex",
        qemu: "qemu-system-riscv32",
        arguments: &[
            "-M",
            "virt",
            "-cpu",
            "lowrisc-ibex",
            "-m",
            "128M",
            "-bios",
            "none",
            "-icount",
            "shift=0",
        ],
        code: 0x8000_0000,
        data: 0x8010_0000,
        memory: (0x8020_0000, 120 << 20),
        vectors: 0,
        reset: 0,
        instructions_per_tick: (1, 1),
        wide_counter: true,
        host: "semihosting.c",
        assembly: &["virt.s"],
        feature: None,
    };

    /// An instruction lasts 2^6 ns, which is longer than the 40 ns of a tick: the count is exact to
    /// one.
    pub(crate) const MPS2: Self = Self {
        name: "mps2-an385",
        qemu: "qemu-system-arm",
        arguments: &["-M", "mps2-an385", "-icount", "shift=6"],
        code: 0,
        data: 0x2000_0000,
        memory: (0x2100_0000, 16 << 20),
        instructions_per_tick: (40, 64),
        wide_counter: false,
        assembly: &["cortex-m.s", "mps2.s"],
        ..Self::VIRT
    };

    /// The chip with more RAM than the real one's 16 KiB: both images and the patch lie in it. A
    /// tick is 62.5 ns.
    pub(crate) const MICROBIT: Self = Self {
        name: "microbit",
        arguments: &[
            "-M",
            "microbit",
            "-global",
            "nrf51-soc.sram-size=0x2000000",
            "-icount",
            "shift=6",
        ],
        memory: (0x2010_0000, 30 << 20),
        instructions_per_tick: (125, 128),
        assembly: &["cortex-m.s", "microbit.s"],
        feature: Some("board-microbit"),
        ..Self::MPS2
    };

    /// The core of the ESP8266. A tick of `CCOUNT` is 25 ns, an instruction lasts 2^5 ns.
    pub(crate) const SIM_LX106: Self = Self {
        name: "sim, lx106",
        qemu: "qemu-system-xtensa",
        arguments: &["-M", "sim", "-cpu", "lx106", "-m", "64M", "-icount", "shift=5"],
        vectors: 0x4000_0000,
        reset: 0x5000_0000,
        code: 0x6000_0000,
        data: 0x6010_0000,
        memory: (0x6020_0000, 60 << 20),
        instructions_per_tick: (25, 32),
        wide_counter: false,
        host: "simcall.c",
        assembly: &["lx106.s"],
        feature: None,
    };

    /// A core with the instructions that code for the ESP32 uses, windowed registers among them. A
    /// tick of `CCOUNT` is 100 ns, an instruction lasts 2^7 ns.
    pub(crate) const SIM_DC233C: Self = Self {
        name: "sim, dc233c",
        arguments: &["-M", "sim", "-cpu", "dc233c", "-m", "64M", "-icount", "shift=7"],
        vectors: 0x2000,
        reset: 0xFE00_0000,
        code: 0x1_0000,
        data: 0x10_0000,
        memory: (0x20_0000, 60 << 20),
        instructions_per_tick: (100, 128),
        assembly: &["dc233c.s"],
        ..Self::SIM_LX106
    };

    pub(crate) fn instructions(&self, ticks: u64) -> u64 {
        let (ns, per) = self.instructions_per_tick;
        (ticks * ns + per / 2) / per
    }
}
