//! What a firmware file tells about itself: names and versions, and whether it is compressed or
//! encrypted.

use super::formats::table::handler;

/// What a firmware file tells about itself.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Facts {
    /// What headers and descriptors say: a name and a value each.
    pub details: Vec<(&'static str, String)>,
    /// Words in the data that look like versions, in the order of the data; at most 8.
    pub versions: Vec<String>,
    /// How much of the data looks like random bytes, as compressed and encrypted data does: 0 to 1.
    pub packed: f32,
}

impl Facts {
    /// Looks at a file and the `data` that it was [split](super::split) into.
    pub fn of(file: &[u8], data: &[u8]) -> Self {
        Self { details: details(file), versions: versions(data), packed: packed(data) }
    }

    /// Whether most of the data is compressed or encrypted. A delta of it will hardly be smaller
    /// than the data: patch what it was made of.
    pub fn is_packed(&self) -> bool {
        self.packed >= 0.5
    }
}

/// Shannon's entropy of the bytes in bits per byte, 0 to 8.
pub fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let total = bytes.len() as f64;
    let bits = |count: u32| f64::from(count) / total * (total / f64::from(count)).log2();
    counts.into_iter().filter(|count| *count != 0).map(bits).fold(0.0, |sum, bits| sum + bits)
        as f32
}

/// Bytes whose entropy is looked at together.
const BLOCK: usize = 4096;
/// A block of fewer bytes tells nothing.
const SHORTEST: usize = 1024;

/// The share of the blocks whose entropy is that of random bytes.
pub fn packed(data: &[u8]) -> f32 {
    let random = |block: &&[u8]| {
        // The entropy of n random bytes is lower than 8 by (256 - 1) / (2 n ln 2) on average
        // (Miller, "Note on the bias of information estimates", 1955). Machine code and text stay
        // below 7.5.
        let expected = 8.0 - 255.0 / (2.0 * block.len() as f32 * core::f32::consts::LN_2);
        block.len() >= SHORTEST && entropy(block) >= expected - 0.1
    };
    let found: usize = data.chunks(BLOCK).filter(random).map(<[u8]>::len).sum();
    if data.is_empty() {
        0.0
    } else {
        found as f32 / data.len() as f32
    }
}

/// Most versions that are told.
const MOST_VERSIONS: usize = 8;

/// Words such as `v1.4.2`, `2.0.0-rc1` or `v4.4.6-dirty`.
fn versions(data: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let is_text = |b: &u8| b.is_ascii_graphic() || *b == b' ';
    for run in data.split(|b| !is_text(b)).filter(|run| (5..256).contains(&run.len())) {
        for word in
            run.split(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+' | b'_')))
        {
            let Some(word) = core::str::from_utf8(word).ok().filter(|word| is_version(word)) else {
                continue;
            };
            if !found.iter().any(|known| known == word) {
                found.push(word.to_owned());
            }
            if found.len() == MOST_VERSIONS {
                return found;
            }
        }
    }
    found
}

/// Three numbers with dots between them, and perhaps something after a `-` or `+`.
fn is_version(word: &str) -> bool {
    let word = word.strip_prefix(['v', 'V']).unwrap_or(word);
    let numbers = word.split(['-', '+', '_']).next().unwrap_or(word);
    let parts: Vec<&str> = numbers.split('.').collect();
    let is_number =
        |part: &&str| (1..=5).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(is_number)
}

fn details(file: &[u8]) -> Vec<(&'static str, String)> {
    let mut details = Vec::new();
    let mut tell = |name, value: String| details.push((name, value));
    (handler(super::detect(file)).details)(file, &mut tell);
    details.retain(|(_, value)| !value.is_empty());
    details
}

#[cfg(test)]
mod tests {
    use super::super::esp;
    use super::*;

    #[test]
    fn random_bytes_look_packed_and_code_does_not() {
        let mut state = 1u64;
        let random: Vec<u8> = (0..20_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        assert!(packed(&random) > 0.95, "{}", packed(&random));
        assert_eq!((packed(b""), packed(&random[..500])), (0.0, 0.0));
        assert!((entropy(&random) - 8.0).abs() < 0.02);
        assert_eq!(entropy(&[7; 100]), 0.0);
        for name in ["riscv-1.0.bin", "cortex-m-1.0.bin", "cortex-m-1.0.elf"] {
            let path = format!("{}/../../testdata/firmware/{name}", env!("CARGO_MANIFEST_DIR"));
            assert_eq!(packed(&std::fs::read(path).unwrap()), 0.0, "{name}");
        }
    }

    #[test]
    fn what_an_application_says_about_itself() {
        let mut app = vec![0u8; 256];
        app[..4].copy_from_slice(&esp::APP_DESCRIPTOR.to_le_bytes());
        app[4] = 3;
        for (at, value) in [
            (16, "v1.4.2-dirty"),
            (48, "heron"),
            (80, "12:00:00"),
            (96, "Nov 21 2026"),
            (112, "v5.3.1"),
        ] {
            app[at..at + value.len()].copy_from_slice(value.as_bytes());
        }
        let mut file = vec![0xe9, 1, 2, 0x20, 4, 0, 0x38, 0x40, 0xee, 0, 0, 0, 5, 0];
        file.resize(24, 0);
        file.extend(0x3c00_0020u32.to_le_bytes());
        file.extend((app.len() as u32).to_le_bytes());
        file.extend(&app);
        let checksum = app.iter().fold(0xef, |sum, byte| sum ^ byte);
        file.resize(file.len() | 15, 0);
        file.push(checksum);
        let facts = Facts::of(&file, &file);
        let value =
            |name| facts.details.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str());
        assert_eq!(
            (value("chip"), value("project"), value("version")),
            (Some("ESP32-C3"), Some("heron"), Some("v1.4.2-dirty"))
        );
        assert_eq!(
            (value("built"), value("ESP-IDF")),
            (Some("Nov 21 2026 12:00:00"), Some("v5.3.1"))
        );
        assert_eq!((value("security counter"), value("checksum")), (Some("3"), Some("right")));
        assert_eq!(facts.versions, ["v1.4.2-dirty", "v5.3.1"]);
    }

    #[test]
    fn versions_are_told_from_other_numbers() {
        let data = b"\x01heron v1.4.2 of today\0 ip 192.168.1.1\xffx2.0.0 2.0.0-rc1+g12\0 1.4.2\0\
                     v1.4.2\n3.14 1..2 4.4.6_dirty";
        assert_eq!(versions(data), ["v1.4.2", "2.0.0-rc1+g12", "1.4.2", "4.4.6_dirty"]);
        assert_eq!(versions(&b"1.0.0 2.0.0 3.0.0 ".repeat(9)).len(), 3);
    }
}
