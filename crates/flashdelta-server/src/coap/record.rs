//! What can be seen of a DTLS datagram without a key (RFC 6347, 4.1 and 4.2).

/// What a datagram is, by its first record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Record<'a> {
    /// The first message of a handshake.
    ClientHello,
    /// The client says who it is (RFC 4279, 2).
    Identity(&'a [u8]),
    /// Data, or anything else of an association that there is.
    Data,
    /// The rest of a handshake.
    Handshake,
    /// No DTLS.
    Nothing,
}

const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const CLIENT_HELLO: u8 = 1;
const CLIENT_KEY_EXCHANGE: u8 = 16;

/// What a datagram is. It is one that cannot be trusted: only whom it concerns depends on this.
pub(super) fn record(datagram: &[u8]) -> Record<'_> {
    // Type, version, epoch, sequence number, length.
    let [kind, 0xfe, _, epoch_high, epoch_low, _, _, _, _, _, _, _, _, rest @ ..] = datagram else {
        return Record::Nothing;
    };
    let is_clear = [*epoch_high, *epoch_low] == [0, 0];
    match *kind {
        HANDSHAKE if is_clear => handshake(rest),
        HANDSHAKE | CHANGE_CIPHER_SPEC => Record::Handshake,
        DATA | ALERT => Record::Data,
        _ => Record::Nothing,
    }
}

fn handshake(rest: &[u8]) -> Record<'_> {
    // Type, length, number, offset and length of the fragment.
    let [kind, len @ .., _, _, _, _, _, _, _, _] = rest.get(..12).unwrap_or_default() else {
        return Record::Handshake;
    };
    let body = rest.get(12..).unwrap_or_default();
    match *kind {
        CLIENT_HELLO => Record::ClientHello,
        CLIENT_KEY_EXCHANGE => {
            let len = len.iter().fold(0usize, |len, &byte| len << 8 | usize::from(byte));
            let identity = match body.get(..len) {
                Some([high, low, identity @ ..]) => {
                    identity.get(..usize::from(u16::from_be_bytes([*high, *low])))
                }
                _ => None,
            };
            identity.map_or(Record::Handshake, Record::Identity)
        }
        _ => Record::Handshake,
    }
}
