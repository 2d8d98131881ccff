//! The logistic domain: probabilities as log-odds, and how a counter held as log-odds learns.
//!
//! A [`Slot`] keeps the *stretched* probability `s = ln(p / (1 - p))` of a 1 bit, not `p` itself.
//! Mixing (Mahoney, "Adaptive weighing of context models for lossless data compression", 2005) then
//! needs no `stretch` per input, and near certainty the resolution does not run out: with 12 bits
//! for `s` a slot still tells 0.9995 from 0.9996, where 12 bits for `p` cannot.
//!
//! The usual update `p += (bit - p) * r` becomes, for a 1 bit,
//! `s += softplus(-s + ln r) - ln(1 - r)`, and for a 0 bit the same with the sign of `s` turned:
//! one table of softplus and two of 16 rates do it in integers.

/// Units of one natural logarithm (nat).
pub(crate) const NAT: i32 = 256;

/// Largest magnitude of a mixed log-odds that [`squash`] tells apart: 12 nats.
const SQUASH_LIMIT: i32 = 12 * NAT;

/// Smallest and largest probability handed to the range coder, in 1/65536.
const P_MIN: u32 = 3;

/// Probability of a 1 bit in 1/65536 for log-odds `x` (in 1/256 nat):
/// `65536 / (1 + exp(-x / 256))`, never 0 or 65536.
pub(crate) fn squash(x: i32) -> u16 {
    let magnitude = x.unsigned_abs().min(SQUASH_LIMIT as u32 - 1);
    let (i, fraction) = ((magnitude >> 5) as usize, magnitude & 31);
    let low = SQUASH.get(i).copied().unwrap_or(u16::MAX) as u32;
    let high = SQUASH.get(i + 1).copied().unwrap_or(u16::MAX) as u32;
    let p = (low + (((high - low) * fraction) >> 5)).min(65536 - P_MIN);
    (if x < 0 { 65536 - p } else { p }) as u16
}

/// One adaptive binary context: 12 bits of log-odds, 4 bits of confidence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot(pub(crate) u16);

impl Slot {
    /// A slot that has seen nothing: even odds, fastest learning.
    pub(crate) const NEW: Self = Self(0);

    /// A slot that starts from known odds (1/256 nat, -2047 to 2047) with `confidence` 0 to 15.
    pub(crate) const fn start(log_odds: i16, confidence: u16) -> Self {
        Self(((log_odds << 4) as u16) | confidence)
    }

    /// Log-odds of a 1 bit, -2048 to 2047 in 1/256 nat.
    pub(crate) fn log_odds(self) -> i32 {
        ((self.0 as i16) >> 4) as i32
    }

    /// How often the slot was used, on the scale of the rate table.
    pub(crate) fn confidence(self) -> usize {
        (self.0 & 15) as usize
    }

    /// Learns that `bit` was seen. `limit` (0 to 15) stops the learning rate from falling further.
    pub(crate) fn learn(self, bit: bool, limit: usize) -> Self {
        let n = self.confidence();
        let s = if bit { self.log_odds() } else { -self.log_odds() };
        let [rho, lambda] = RATES.get(n).copied().unwrap_or_default();
        let (rho, lambda) = (i32::from(rho), i32::from(lambda));
        // s + softplus(-s - rho) + lambda, where softplus(x) = ln(1 + exp(x)) = max(x, 0) + ln(1 +
        // exp(-|x|)).
        let above = s + rho;
        let i = (above.unsigned_abs() as usize + 8) >> 4;
        let least = if above < 0 { -rho } else { s };
        let moved = (least + i32::from(SOFTPLUS.get(i).copied().unwrap_or(0)) + lambda).min(2047);
        let s = if bit { moved } else { -moved };
        let n = if n < limit { n + 1 } else { limit };
        Self(((s << 4) as u16) | (n & 15) as u16)
    }
}

/// `65536 / (1 + exp(-i / 8))`.
#[rustfmt::skip]
const SQUASH: [u16; 97] = [
    32768, 34813, 36843, 38841, 40793, 42687, 44511, 46254, 47911, 49474, 50941, 52310, 53581,
    54754, 55834, 56822, 57724, 58544, 59287, 59959, 60565, 61109, 61598, 62036, 62428, 62778,
    63090, 63368, 63615, 63835, 64030, 64203, 64357, 64494, 64614, 64721, 64816, 64900, 64974,
    65039, 65097, 65149, 65194, 65234, 65269, 65300, 65328, 65352, 65374, 65393, 65410, 65425,
    65438, 65449, 65459, 65468, 65476, 65483, 65489, 65495, 65500, 65504, 65508, 65511, 65514,
    65517, 65519, 65521, 65523, 65524, 65526, 65527, 65528, 65529, 65530, 65530, 65531, 65532,
    65532, 65533, 65533, 65533, 65534, 65534, 65534, 65534, 65535, 65535, 65535, 65535, 65535,
    65535, 65535, 65535, 65535, 65535, 65535,
];

/// `256 * ln(1 + exp(-i / 16))`.
#[rustfmt::skip]
const SOFTPLUS: [u8; 97] = [
    177, 170, 162, 155, 147, 141, 134, 128, 121, 115, 110, 104, 99, 94, 89, 85, 80, 76, 72, 68, 64,
    61, 58, 55, 52, 49, 46, 43, 41, 39, 37, 34, 32, 31, 29, 27, 26, 24, 23, 21, 20, 19, 18, 17, 16,
    15, 14, 13, 12, 12, 11, 10, 10, 9, 9, 8, 8, 7, 7, 6, 6, 6, 5, 5, 5, 4, 4, 4, 4, 3, 3, 3, 3, 3,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
];

/// `-256 * ln(r)` and `-256 * ln(1 - r)` for the 16 learning rates r = 1/1.5, 1/2.5, ... 1/100.
#[rustfmt::skip]
const RATES: [[u16; 2]; 16] = [
    [104, 281], [235, 131], [321, 86], [385, 64], [436, 51], [479, 43], [516, 37], [562, 30],
    [614, 24], [657, 20], [710, 17], [767, 13], [834, 10], [917, 7], [1030, 5], [1179, 3],
];

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: [f64; 16] =
        [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 9., 11., 13., 16., 20., 26., 36., 56., 100.];

    #[test]
    fn squash_follows_the_logistic_function() {
        for x in -4000..4000 {
            let exact = 65536.0 / (1.0 + (-(x as f64) / 256.0).exp());
            assert!((squash(x) as f64 - exact).abs() < 70.0, "{x}");
            assert!(squash(x) >= squash(x - 1));
        }
    }

    #[test]
    fn learning_moves_the_probability_by_the_rate() {
        for (n, rate) in EXACT.iter().enumerate() {
            for s in (-1500..1500).step_by(7) {
                for bit in [false, true] {
                    let p = 1.0 / (1.0 + (-(s as f64) / 256.0).exp());
                    let q = p + (f64::from(u8::from(bit)) - p) / rate;
                    let exact = (256.0 * (q / (1.0 - q)).ln()).clamp(-2047.0, 2047.0);
                    let got = Slot::start(s, n as u16).learn(bit, 15).log_odds() as f64;
                    assert!(
                        (got - exact).abs() <= 13.0,
                        "rate 1/{rate} s {s} bit {bit}: {got} against {exact}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_slot_never_leaves_its_range() {
        for raw in 0..=u16::MAX {
            for bit in [false, true] {
                let s = Slot(raw).learn(bit, 15).log_odds();
                assert!((-2047..=2047).contains(&s));
            }
        }
    }
}
