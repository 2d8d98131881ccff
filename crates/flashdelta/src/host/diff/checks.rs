//! What can be refused before any work: options that no device can have, images that are too large.

use super::error::DiffError;
use super::options::DiffOptions;
use super::suffix_array;
use crate::device::format::{Codec, PatchHeader, MAX_SIZE};
use crate::host::encode::tables_for;

/// Whether a patch can be made between images of these lengths, in bytes: for callers that know
/// lengths before contents.
///
/// # Errors
///
/// [`DiffError::TooLarge`].
pub fn check_lengths(old_len: u64, new_len: u64) -> Result<(), DiffError> {
    let (limit, most) = (suffix_array::MAX_TEXT as u64, u64::from(MAX_SIZE));
    let found = old_len.saturating_add(new_len);
    if found > limit || old_len > most || new_len > most {
        return Err(DiffError::TooLarge { found, limit });
    }
    Ok(())
}

impl DiffOptions {
    /// Whether patches can be made with these options: [`diff`](super::diff()) asks first, and so
    /// can a caller before it reads any file.
    ///
    /// # Errors
    ///
    /// [`DiffError::BadProfile`], [`DiffError::CodecNotInProfile`], [`DiffError::CodecNotBuilt`],
    /// [`DiffError::InstructionSetNotInProfile`], or [`DiffError::ProfileTooSmall`] if the RAM is
    /// too little for any image.
    pub fn check(&self) -> Result<(), DiffError> {
        let profile = &self.profile;
        if !profile.page.is_power_of_two() || profile.page > 4096 {
            return Err(DiffError::BadProfile {
                what: "the page must be a power of two, 1 to 4096",
            });
        }
        if profile.sector == 0 || !profile.sector.is_multiple_of(profile.page) {
            return Err(DiffError::BadProfile {
                what: "the sector must be a multiple of the page",
            });
        }
        if let Some(isa) = self.isa.filter(|isa| !profile.predicts(*isa)) {
            return Err(DiffError::InstructionSetNotInProfile {
                isa,
                profile: profile.name.clone(),
            });
        }
        let header = |codec: &Codec| PatchHeader {
            codec: *codec,
            granularity_log2: profile.page.trailing_zeros() as u8,
            ..PatchHeader::default()
        };
        let need =
            |codec: &Codec| tables_for(profile.ram, &header(codec), false).err().unwrap_or(0);
        let cheapest = self.codecs()?.into_iter().map(|codec| (need(&codec), codec)).min();
        match cheapest {
            Some((needed, codec)) if needed > 0 => {
                let (profile, ram) = (profile.name.clone(), profile.ram);
                Err(DiffError::ProfileTooSmall { profile, ram, codec, needed })
            }
            _ => Ok(()),
        }
    }

    /// The codecs to try, those that are cheaper to apply first.
    pub(super) fn codecs(&self) -> Result<Vec<Codec>, DiffError> {
        self.in_order(self.allowed_codecs()?)
    }

    fn allowed_codecs(&self) -> Result<Vec<Codec>, DiffError> {
        let profile = &self.profile;
        let Some(codec) = self.codec else {
            let mut codecs: Vec<Codec> =
                profile.codecs.iter().copied().filter(|c| c.is_available()).collect();
            codecs.sort();
            codecs.dedup();
            if codecs.is_empty() {
                return Err(DiffError::BadProfile {
                    what: "it allows no codec that this program was built with",
                });
            }
            return Ok(codecs);
        };
        if !profile.allows(codec) {
            let allowed = Codec::ALL.into_iter().filter(|codec| profile.allows(*codec)).collect();
            let profile = profile.name.clone();
            return Err(DiffError::CodecNotInProfile { codec, profile, allowed });
        }
        if !codec.is_available() {
            return Err(DiffError::CodecNotBuilt { codec });
        }
        Ok(vec![codec])
    }
}
