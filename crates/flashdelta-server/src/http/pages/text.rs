//! Values as people read them.

use core::fmt;

/// Bytes.
#[derive(Clone, Copy)]
pub(super) struct Size(pub(super) u64);

/// A time, in milliseconds since 1970; 0: never.
#[derive(Clone, Copy)]
pub(super) struct When(pub(super) i64);

impl Size {
    pub(super) fn of(bytes: i64) -> Self {
        Self(bytes.max(0).unsigned_abs())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match UNITS.iter().find(|(unit, _)| self.0 >= *unit) {
            Some((unit, name)) => write!(f, "{:.1} {name}", self.0 as f64 / *unit as f64),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("never"),
            millis => write!(f, "{} UTC", crate::time::text(millis)),
        }
    }
}

/// A part in percent; of nothing 0.
pub(super) fn percent(part: u64, of: u64) -> u64 {
    part.saturating_mul(100).checked_div(of).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (5 << 20, "5.0 MiB"),
            (u64::MAX, "17179869184.0 GiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), expected);
        }
        assert_eq!(Size::of(-1).to_string(), "0 bytes");
        assert_eq!((percent(1, 3), percent(1, 0), percent(5, 5)), (33, 0, 100));
        assert_eq!(When(0).to_string(), "never");
    }
}
