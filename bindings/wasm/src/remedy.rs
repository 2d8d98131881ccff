//! What to do about an error, in the words of JavaScript.

use flashdelta::Remedy;

/// What to do, with the names of JavaScript's options; `None` if the text of the error says it.
pub(crate) fn words(remedy: &Remedy) -> Option<String> {
    let fixed = match *remedy {
        Remedy::MoreRam { needed } => return Some(format!("ram: {needed} is enough")),
        Remedy::RaiseLimit { needed } => {
            return Some(format!("limit: {needed} permits it, if you trust whoever made the patch"))
        }
        Remedy::MoreMemory { needed } => {
            let mib = needed.div_ceil(1 << 20);
            return Some(format!("{mib} MiB of memory are enough; the program has more of it"));
        }
        Remedy::PageSize { page } => {
            return Some(format!("make the patch for a profile with page: {page}"))
        }
        Remedy::TransferAgain => "get the patch again, all of it",
        Remedy::GivePatch => "give a patch that flashdelta made",
        Remedy::SwapOldAndPatch => "the old file comes first, then the patch",
        Remedy::SignPatch => "have it signed with a key that is trusted",
        Remedy::MakeChunks => "make the patch with chunks of another size: chunks",
        Remedy::TrustKey => "give the key that it is signed with, among keys",
        Remedy::GiveKey => "`flashdelta keygen` makes keys",
        Remedy::GiveSignature => "sign the message of this patch with that key",
        Remedy::PatchFromMaker => "get the patch from whoever made it",
        Remedy::CutTrailing => "cut off what follows it, or get it again",
        Remedy::OtherBase => {
            "give the file that the patch was made from, or get the patch for this one"
        }
        Remedy::NothingToDo => "there is nothing to do",
        Remedy::PlainBinary => {
            "give the file that the patch was made from, or ask for format: \"raw\""
        }
        Remedy::GiveValue => "give it among values",
        Remedy::UseDataPartition => {
            "keep what each device has for itself in a data partition, outside the image"
        }
        Remedy::StateIdentity => "make the patch with an identity, or leave out device",
        Remedy::PatchForDevice => "get the patch for this device",
        Remedy::NewerImage => "get a patch that leads to a newer image",
        Remedy::WithoutDevice => "leave out device, ram and format",
        Remedy::UpdateProgram => "update flashdelta, or make the patch with this version of it",
        Remedy::OtherCodec => "leave out codec, or use a profile whose device has it",
        Remedy::OtherIsa => "leave out isa, or use a profile whose device has it",
        Remedy::KnownCodec => "leave out codec, or choose one of these",
        Remedy::KnownIsa => "leave out isa, or choose one of these",
        Remedy::GiveProfile => "give one of these, or the fields of one",
        Remedy::Recover => "complete or undo the update that was committed before",
        Remedy::StartAgain => "start again from the beginning",
        Remedy::Report => "this is a bug: please report it, with the files if you may",
        Remedy::AcceptOverlap => "to accept it: overlap: \"last-wins\"",
        Remedy::AcceptChecksum => "to accept it: ignoreChecksums: true",
        Remedy::AcceptComments => "to accept it: skipGarbage: true",
        Remedy::AcceptRecords => "to accept it: unknownRecords: true",
        Remedy::AcceptAfterEnd => "to accept it: afterEnd: \"ignore\"",
        Remedy::SelectMemory => "say which one is meant: family, board or image",
        Remedy::ByteWords => {
            "write it in words of one byte, with objcopy: -O verilog --verilog-data-width=1"
        }
        Remedy::AcceptManifest => "mend it, or take it as any other file: acceptManifests: true",
        Remedy::NotStrict => "leave out strict",
        Remedy::MakeFileAgain => {
            "it may be damaged, cut off or edited by hand: make or fetch it again"
        }
        Remedy::SaveAsAscii => "save it as ASCII or UTF-8",
        Remedy::Verbatim => "verbatim: true compares the files byte by byte",
        Remedy::ChooseRange => "choose a range, or a format that keeps gaps",
        Remedy::OtherAddress => "give the right base",
        Remedy::OtherFormat => "choose another format, or other options for it",
        Remedy::GiveElf => "give the ELF file that the image was made from",
        Remedy::Unpack => "unpack it, and give what is inside",
        Remedy::LeaveOut => "leave out that option",
        Remedy::AllowEmpty => "allowEmpty: true permits it, if it is meant",
        Remedy::OtherName => "choose a name that is not there yet",
        Remedy::CheckFile => return None,
    };
    Some(fixed.to_owned())
}
