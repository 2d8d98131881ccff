//! Parts of addresses.

/// Text as a part of an address (RFC 3986, 2.3), as templates have it by `urlencode_strict`.
pub(super) fn encoded(text: &str) -> String {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let byte = |byte: u8| match is_unreserved(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_letters_digits_and_four_more_is_encoded() {
        assert_eq!(encoded("Az09-._~"), "Az09-._~");
        assert_eq!(encoded("a b/ü+*"), "a%20b%2F%C3%BC%2B%2A");
    }
}
