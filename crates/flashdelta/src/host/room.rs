//! Memory for what is as large as the input, or larger: it is asked for, so that too little of it
//! is an error, and not the end of the process.

use super::budget::Stop;

/// Requests from here on, in bytes, leave room for all the small things that are not asked for.
const LARGE: usize = 1 << 20;

/// That much, in bytes.
const SMALL_THINGS: usize = 1 << 20;

/// Makes room for this many more elements.
pub(crate) fn reserve<T>(vec: &mut Vec<T>, more: usize) -> Result<(), Stop> {
    if vec.capacity() - vec.len() >= more {
        return Ok(());
    }
    let needed = vec.len().saturating_add(more).saturating_mul(size_of::<T>());
    grant(vec.try_reserve(more).is_ok(), needed)
}

/// An empty vector with room for this many elements.
pub(crate) fn with_capacity<T>(len: usize) -> Result<Vec<T>, Stop> {
    let mut vec = Vec::new();
    grant(vec.try_reserve_exact(len).is_ok(), len.saturating_mul(size_of::<T>()))?;
    Ok(vec)
}

/// Whether a request for this many bytes was met, and more would be.
fn grant(is_met: bool, needed: usize) -> Result<(), Stop> {
    let leaves_some = || needed < LARGE || Vec::<u8>::new().try_reserve_exact(SMALL_THINGS).is_ok();
    match is_met && leaves_some() {
        true => Ok(()),
        false => Err(Stop::OutOfMemory { needed: needed as u64 }),
    }
}

/// This many bytes of one value.
pub(crate) fn filled(len: usize, value: u8) -> Result<Vec<u8>, Stop> {
    let mut bytes = with_capacity(len)?;
    bytes.resize(len, value);
    Ok(bytes)
}

/// The same bytes.
pub(crate) fn copy(bytes: &[u8]) -> Result<Vec<u8>, Stop> {
    let mut copy = with_capacity(bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// Appends bytes.
pub(crate) fn extend(vec: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Stop> {
    reserve(vec, bytes.len())?;
    vec.extend_from_slice(bytes);
    Ok(())
}

/// Appends an element.
pub(crate) fn push<T>(vec: &mut Vec<T>, element: T) -> Result<(), Stop> {
    reserve(vec, 1)?;
    vec.push(element);
    Ok(())
}

/// All elements of an iterator that knows how many there are.
pub(crate) fn collect<T>(elements: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>, Stop> {
    let mut vec = with_capacity(elements.len())?;
    vec.extend(elements);
    Ok(vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_an_error_that_says_how_much() {
        let most = usize::MAX / 2;
        assert_eq!(filled(most, 0), Err(Stop::OutOfMemory { needed: most as u64 }));
        let mut bytes = copy(b"ab").unwrap();
        extend(&mut bytes, b"cd").unwrap();
        push(&mut bytes, b'e').unwrap();
        assert_eq!(reserve(&mut bytes, most), Err(Stop::OutOfMemory { needed: most as u64 + 5 }));
        assert_eq!(collect(bytes.iter().map(|byte| u64::from(*byte))).unwrap().len(), 5);
        assert_eq!(with_capacity::<u64>(most), Err(Stop::OutOfMemory { needed: u64::MAX }));
    }
}
