//! What to do about an error, in the words of Python.

use flashdelta::Remedy;

/// What to do, with the names of Python's arguments; `None` if the text of the error says it.
pub(crate) fn words(remedy: &Remedy) -> Option<String> {
    let fixed = match *remedy {
        Remedy::MoreRam { needed } => return Some(format!("ram={needed} is enough")),
        Remedy::RaiseLimit { needed } => {
            return Some(format!(
                "give it more room: a limit or a buffer of {needed} bytes, if you trust the patch"
            ));
        }
        Remedy::MoreMemory { needed } => {
            return Some(format!("{} MiB of memory are enough", needed.div_ceil(1 << 20)))
        }
        Remedy::PageSize { page } => {
            return Some(format!("make the patch for a profile with page={page}"));
        }
        Remedy::TransferAgain => "get the patch again, all of it",
        Remedy::SignPatch => "flashdelta.sign signs it",
        Remedy::MakeChunks => "make the patch with chunks of another size: chunks=",
        Remedy::TrustKey => "pass the key that it is signed with, or sign it with one of yours",
        Remedy::GiveKey => "flashdelta.generate_key makes keys",
        Remedy::GiveSignature => {
            "sign what flashdelta.sign_message gives for this patch, with that key"
        }
        Remedy::PatchFromMaker => "get the patch from whoever made it",
        Remedy::GivePatch => "pass one that flashdelta.diff made",
        Remedy::SwapOldAndPatch => "the old file comes first, then the patch",
        Remedy::GiveValue => {
            "give it where the patch is applied on a device or with `flashdelta apply --set`"
        }
        Remedy::UseDataPartition => {
            "keep what each device has for itself in a data partition, outside the image"
        }
        Remedy::CutTrailing => "cut off what follows it, or get it again",
        Remedy::OtherBase => {
            "pass the image that the patch was made from, or get the patch for this one"
        }
        Remedy::NothingToDo => "there is nothing to do",
        Remedy::PlainBinary => {
            "pass the file that the patch was made from, or ask for format=\"raw\""
        }
        Remedy::StateIdentity => "make it with identity=Identity(...), or leave out device",
        Remedy::PatchForDevice => "get the patch for this device",
        Remedy::NewerImage => "get a patch to a newer image",
        Remedy::WithoutDevice => "leave out device, ram and format",
        Remedy::UpdateProgram => "update flashdelta, or make the patch with this version of it",
        Remedy::OtherCodec => "leave out codec, or use a profile whose device has it",
        Remedy::OtherIsa => "leave out isa, or use a profile whose device has it",
        Remedy::KnownCodec => "leave out codec, or choose one of these",
        Remedy::KnownIsa => "leave out isa, or choose one of these",
        Remedy::GiveProfile => "give one of these, or a file that describes one",
        Remedy::Recover => "complete or undo the update that was committed before",
        Remedy::StartAgain => "start again with a new Applier",
        Remedy::Report => "this is a bug: please report it, with the files if you can",
        Remedy::AcceptOverlap
        | Remedy::AcceptChecksum
        | Remedy::AcceptComments
        | Remedy::AcceptRecords
        | Remedy::AcceptAfterEnd
        | Remedy::NotStrict => return of_records(remedy, true),
        Remedy::SelectMemory => "say which one is meant: read={'family': ...}, 'board' or 'image'",
        Remedy::ByteWords => {
            "write it in words of one byte, with objcopy: -O verilog --verilog-data-width=1"
        }
        Remedy::AcceptManifest => {
            "mend it, or take it as any other file with accept_manifests=True"
        }
        Remedy::MakeFileAgain => {
            "it may be damaged, cut off or edited by hand: make or fetch it again"
        }
        Remedy::SaveAsAscii => "save it as ASCII or UTF-8",
        Remedy::Verbatim => "verbatim=True compares the files byte by byte",
        Remedy::ChooseRange => "choose a range, or a format that keeps gaps",
        Remedy::OtherAddress => "give the right base",
        Remedy::OtherFormat => "choose another format, or other options for it",
        Remedy::GiveElf => "pass the ELF file that the image was made from",
        Remedy::Unpack => "unpack it, and give what is inside",
        Remedy::LeaveOut => "leave out that argument",
        Remedy::AllowEmpty => "allow_empty=True permits it, if it is meant",
        Remedy::OtherName => "name a folder that is not there yet",
        Remedy::CheckFile => return None,
    };
    Some(fixed.to_owned())
}

/// What accepts a file of records. `read`: the options are in a dictionary of that name.
pub(crate) fn of_records(remedy: &Remedy, read: bool) -> Option<String> {
    let (name, value) = match remedy {
        Remedy::AcceptChecksum => ("ignore_checksums", "True"),
        Remedy::AcceptComments => ("skip_garbage", "True"),
        Remedy::AcceptRecords => ("unknown_records", "True"),
        Remedy::AcceptOverlap => ("overlap", "'last-wins'"),
        Remedy::AcceptAfterEnd => ("after_end", "'ignore'"),
        Remedy::NotStrict => ("strict", "False"),
        _ => return words(remedy),
    };
    Some(match read {
        true => format!("to accept it: read={{'{name}': {value}}}"),
        false => format!("to accept it: {name}={value}"),
    })
}
