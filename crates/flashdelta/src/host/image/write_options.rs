//! How a file is written.

use super::format::Format;

/// How to write a file. The default is what most tools read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WriteOptions {
    pub(crate) fill: u8,
    pub(crate) range: Option<(u32, u64)>,
    pub(crate) limit: u64,
    pub(crate) record_len: Option<usize>,
    pub(crate) crlf: bool,
    pub(crate) lower_case: bool,
    pub(crate) address_len: Option<u8>,
    pub(crate) family: Option<u32>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            fill: 0xff,
            range: None,
            limit: 256 << 20,
            record_len: None,
            crlf: false,
            lower_case: false,
            address_len: None,
            family: None,
        }
    }
}

impl WriteOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Plain binary: what gaps are filled with; 0xff if nothing is said.
    #[must_use]
    pub fn fill(mut self, fill: u8) -> Self {
        self.fill = fill;
        self
    }

    /// Only these addresses, from the first and up to the second, which is not included; `None`:
    /// everything. (For a plain binary also: exactly these.)
    #[must_use]
    pub fn range(mut self, range: impl Into<Option<(u32, u64)>>) -> Self {
        self.range = range.into();
        self
    }

    /// Largest plain binary, in bytes: segments far apart would make it huge. 256 MiB if nothing is
    /// said.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Text formats: bytes in a record; `None`: 16.
    #[must_use]
    pub fn record_len(mut self, record_len: impl Into<Option<usize>>) -> Self {
        self.record_len = record_len.into();
        self
    }

    /// Text formats: CR LF at the end of lines.
    #[must_use]
    pub fn crlf(mut self, crlf: bool) -> Self {
        self.crlf = crlf;
        self
    }

    /// Text formats: digits a to f in lower case.
    #[must_use]
    pub fn lower_case(mut self, lower_case: bool) -> Self {
        self.lower_case = lower_case;
        self
    }

    /// S-records: bytes of address in each data record, 2 to 4; `None`: as few as all addresses
    /// need.
    #[must_use]
    pub fn address_len(mut self, address_len: impl Into<Option<u8>>) -> Self {
        self.address_len = address_len.into();
        self
    }

    /// What of these options a format has nothing for; `None`: all of them are possible. Text
    /// formats have records, lines and digits, and S-records addresses of several lengths.
    pub fn not_in(&self, format: Format) -> Option<&'static str> {
        let is_text = format.is_lines();
        match self {
            Self { record_len: Some(_), .. } if !is_text => Some("the length of records"),
            Self { crlf: true, .. } if !is_text => Some("the ends of lines"),
            Self { lower_case: true, .. } if !is_text => Some("digits in lower case"),
            Self { address_len: Some(_), .. } if format != Format::Srec => {
                Some("the length of addresses")
            }
            _ => None,
        }
    }

    /// UF2: the family id of the chip.
    #[must_use]
    pub fn family(mut self, family: impl Into<Option<u32>>) -> Self {
        self.family = family.into();
        self
    }
}
