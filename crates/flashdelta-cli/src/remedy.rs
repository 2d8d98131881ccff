//! What to do about an error, in the words of this program.

use flashdelta::Remedy;

use crate::text;

/// What to do, with the names of this program's options.
pub(crate) fn words(remedy: &Remedy) -> String {
    let fixed = match *remedy {
        Remedy::MoreRam { needed } => {
            let needed = text::size(needed);
            return format!("--ram {needed} is enough; or make the patch for a device with less");
        }
        Remedy::RaiseLimit { needed } => {
            return format!("--limit {needed} permits it, if you trust whoever made the patch");
        }
        Remedy::MoreMemory { needed } => {
            let mib = needed.div_ceil(1 << 20);
            return format!("{mib} MiB of memory are enough; --threads 1 takes less");
        }
        Remedy::PageSize { page } => {
            return format!("make the patch for a --profile with page = {page}")
        }
        Remedy::TransferAgain => "transfer the patch again",
        Remedy::GivePatch => "give a patch that `flashdelta diff` made",
        Remedy::SwapOldAndPatch => "the old file comes first, then the patch",
        Remedy::SignPatch => "sign it: `flashdelta sign` with a key whose public half is trusted",
        Remedy::MakeChunks => "make the patch with chunks of another size: `--chunks`",
        Remedy::TrustKey => {
            "give the --key that it is signed with, or have it signed with one of yours"
        }
        Remedy::GiveKey => {
            "`flashdelta keygen` makes keys; `openssl pkcs8 -topk8 -nocrypt` makes PKCS#8 of other \
             private keys"
        }
        Remedy::GiveSignature => {
            "sign what `flashdelta sign --print-message` prints for this patch, with that key"
        }
        Remedy::PatchFromMaker => "get the patch from whoever made it",
        Remedy::GiveValue => "give it with --set NAME=VALUE",
        Remedy::UseDataPartition => {
            "keep what each device has for itself in a data partition, outside the image"
        }
        Remedy::CutTrailing => "cut off what follows the patch, or transfer it again",
        Remedy::OtherBase => {
            "`flashdelta info` shows the SHA-256 of an image, and of the one that a patch was \
             made from"
        }
        Remedy::NothingToDo => "there is nothing to do",
        Remedy::PlainBinary => {
            "give the file that the patch was made from; or --as bin makes a plain binary"
        }
        Remedy::StateIdentity => {
            "make the patch with --product, or leave out --product and --hardware"
        }
        Remedy::PatchForDevice => "get the patch for this device",
        Remedy::NewerImage => "get a patch that leads to a newer image",
        Remedy::WithoutDevice => "leave out --product, --hardware, --ram and --as",
        Remedy::UpdateProgram => "update this program, or make the patch with this version of it",
        Remedy::OtherCodec => {
            "leave out --codec, or use a --profile whose device has this codec built in"
        }
        Remedy::OtherIsa => {
            "leave out --isa, or use a --profile whose device has this instruction set built in"
        }
        Remedy::KnownCodec => "`flashdelta diff --help` lists the codecs",
        Remedy::KnownIsa => "`flashdelta diff --help` lists the instruction sets",
        Remedy::GiveProfile => "`flashdelta diff --help` shows what a profile file looks like",
        Remedy::Recover => "complete or undo the update that was committed before",
        Remedy::StartAgain => "start again from the beginning",
        Remedy::Report => "this is a bug: please report it, with the files if you may",
        Remedy::AcceptOverlap => {
            "--accept overlap lets the last one win, overlap-first the first one, overlap-same \
             only bytes that are equal"
        }
        Remedy::AcceptChecksum => "--accept checksum reads on",
        Remedy::AcceptComments => "--accept comments leaves out what is no record",
        Remedy::AcceptRecords => {
            "--accept records carries records of unknown types along; the memory is without them"
        }
        Remedy::AcceptAfterEnd => "--accept after-end leaves it out, after-end-read reads it",
        Remedy::SelectMemory => "select one with --family, --board or --image, or none",
        Remedy::ByteWords => {
            "write it in words of one byte, with objcopy: -O verilog --verilog-data-width=1"
        }
        Remedy::AcceptManifest => "--accept manifest takes it as a file like any other",
        Remedy::NotStrict => "leave out --strict",
        Remedy::MakeFileAgain => {
            "it may be damaged, cut off or edited by hand: make or fetch the file again"
        }
        Remedy::SaveAsAscii => "save it as ASCII or UTF-8",
        Remedy::Verbatim => "`diff --verbatim` patches the file as it is",
        Remedy::ChooseRange => "choose a --range of addresses, or a format that keeps gaps",
        Remedy::OtherAddress => "give the right --base",
        Remedy::OtherFormat => "choose another format, or other options for it",
        Remedy::GiveElf => "give the ELF file that the image was made from",
        Remedy::Unpack => "unpack it, and give what is inside",
        Remedy::LeaveOut => "leave out that option",
        Remedy::AllowEmpty => "--allow-empty permits it, if it is meant",
        Remedy::OtherName => "choose a name that is not there yet",
        Remedy::CheckFile => "see to it that the file is there and may be used",
    };
    fixed.to_owned()
}
