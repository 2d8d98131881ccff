//! What to do about an error, in the words of this header.

use flashdelta::Remedy;

macro_rules! accept {
    ($flag:literal) => {
        concat!("make the file again, or accept it by ", $flag, " (flashdelta_options_set_accept)")
    };
}

/// What to do, with the names of C's functions; `None` if the text of the error says it.
pub(crate) fn words(remedy: &Remedy) -> Option<String> {
    let fixed = match *remedy {
        Remedy::MoreRam { needed } => {
            return Some(format!("{needed} bytes of RAM are enough (flashdelta_options_set_ram)"));
        }
        Remedy::RaiseLimit { needed } => {
            return Some(format!("there must be room for {needed} bytes"));
        }
        Remedy::MoreMemory { needed } => {
            return Some(format!("{} MiB of memory are enough", needed.div_ceil(1 << 20)))
        }
        Remedy::PageSize { page } => {
            return Some(format!(
                "make the patch for units of {page} bytes (flashdelta_options_set_write_size)"
            ));
        }
        Remedy::TransferAgain => "transfer the patch again",
        Remedy::GivePatch => "give a patch that flashdelta_make() made",
        Remedy::SwapOldAndPatch => "the old file comes first, then the patch",
        Remedy::GiveValue => "give the device a value for it",
        Remedy::UseDataPartition => {
            "keep what each device has for itself in a data partition, outside the image"
        }
        Remedy::CutTrailing => "cut off what follows the patch, or transfer it again",
        Remedy::OtherBase => {
            "give the image that the patch was made from, or get the patch for this one"
        }
        Remedy::NothingToDo => "there is nothing to do",
        Remedy::PlainBinary => {
            "give the file that the patch was made from, or ask for FLASHDELTA_FORMAT_RAW \
             (flashdelta_options_set_output)"
        }
        Remedy::StateIdentity => {
            "make the patch with flashdelta_options_set_identity, or leave out the device"
        }
        Remedy::PatchForDevice => "get the patch for this device",
        Remedy::NewerImage => "get a patch that leads to a newer image",
        Remedy::WithoutDevice => "leave out the device, its RAM and the output format",
        Remedy::UpdateProgram => "update this library, or make the patch with this version of it",
        Remedy::OtherCodec => {
            "use another codec, or a device that has this one \
             (flashdelta_options_set_device_codecs)"
        }
        Remedy::OtherIsa => {
            "use another instruction set, or a device that predicts this one \
             (flashdelta_options_set_device_isas)"
        }
        Remedy::KnownCodec => "use a number of flashdelta_codec",
        Remedy::KnownIsa => "use a number of flashdelta_isa",
        Remedy::GiveProfile => {
            "give the name of one (flashdelta_options_set_profile), or a file that describes one \
             (flashdelta_options_load_profile)"
        }
        Remedy::Recover => "complete or undo the update that was committed before",
        Remedy::StartAgain => "start again with flashdelta_applier_init()",
        Remedy::Report => "this is a bug: please report it, with the files if you may",
        Remedy::AcceptOverlap => accept!("FLASHDELTA_ACCEPT_OVERLAP"),
        Remedy::AcceptChecksum => accept!("FLASHDELTA_ACCEPT_CHECKSUM"),
        Remedy::AcceptComments => accept!("FLASHDELTA_ACCEPT_COMMENTS"),
        Remedy::AcceptRecords => accept!("FLASHDELTA_ACCEPT_RECORDS"),
        Remedy::AcceptAfterEnd => accept!("FLASHDELTA_ACCEPT_AFTER_END"),
        Remedy::AcceptManifest => accept!("FLASHDELTA_ACCEPT_MANIFEST"),
        Remedy::Verbatim => {
            "make the file again, or take it as it is (flashdelta_options_set_verbatim)"
        }
        Remedy::NotStrict => "flashdelta_options_set_strict() accepts it",
        Remedy::SelectMemory => {
            "say which one is meant (flashdelta_options_set_family, flashdelta_options_set_board, \
             flashdelta_options_set_image)"
        }
        Remedy::ByteWords => {
            "write it in words of one byte, with objcopy: -O verilog --verilog-data-width=1"
        }
        Remedy::MakeFileAgain => {
            "it may be damaged, cut off or edited by hand: make or fetch the file again"
        }
        Remedy::SaveAsAscii => "save it as ASCII or UTF-8",
        Remedy::ChooseRange => {
            "choose a range (flashdelta_options_set_range), or a format that keeps gaps"
        }
        Remedy::OtherAddress => "give the right address (flashdelta_options_set_base)",
        Remedy::OtherFormat => "choose another format",
        Remedy::GiveElf => {
            "give the ELF file that the image was made from (flashdelta_options_set_elfs)"
        }
        Remedy::Unpack => "unpack it, and give what is inside",
        Remedy::LeaveOut => "leave out that option",
        Remedy::AllowEmpty => "flashdelta_options_set_allow_empty() permits it, if it is meant",
        Remedy::OtherName => "choose a name that is not there yet",
        Remedy::SignPatch => "sign the patch with a key that is trusted",
        Remedy::MakeChunks => "make the patch with chunks, or with chunks of another size",
        Remedy::TrustKey => {
            "add the key that it is signed with, or sign it with one that is trusted"
        }
        Remedy::GiveKey => "give a key in PEM (PKCS#8, SubjectPublicKeyInfo)",
        Remedy::GiveSignature => "sign the message of this patch, with that key",
        Remedy::PatchFromMaker => "get the patch from whoever made it",
        Remedy::CheckFile => return None,
    };
    Some(fixed.to_owned())
}
