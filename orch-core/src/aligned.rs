//! Bytes that begin where a line of the processor's cache does: a block of 64 that lies across two lines is read twice.

use std::ops::Deref;

/// Bytes of a line.
const LINE: usize = 64;

/// Numbers of 8 bits that begin at a line, wherever the allocator puts them.
#[derive(Debug, Default)]
pub(crate) struct AlignedBytes {
    /// What is before `start` is not looked at. It never grows beyond its capacity, so that it stays where it is.
    bytes: Vec<i8>,
    start: usize,
}

impl AlignedBytes {
    fn with_capacity(capacity: usize) -> Self {
        let mut bytes: Vec<i8> = Vec::with_capacity(capacity + LINE - 1);
        let start = bytes.as_ptr().addr().wrapping_neg() % LINE;
        bytes.resize(start, 0);
        Self { bytes, start }
    }

    /// So many zeros.
    pub(crate) fn zeros(count: usize) -> Self {
        let mut aligned = Self::with_capacity(count);
        aligned.bytes.resize(aligned.start + count, 0);
        aligned
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [i8] {
        &mut self.bytes[self.start..]
    }

    pub(crate) fn extend_from_slice(&mut self, more: &[i8]) {
        if self.bytes.capacity() - self.bytes.len() < more.len() {
            let mut larger = Self::with_capacity((self.len() + more.len()).max(2 * self.len()));
            larger.bytes.extend_from_slice(self);
            *self = larger;
        }
        self.bytes.extend_from_slice(more);
    }
}

impl Deref for AlignedBytes {
    type Target = [i8];

    fn deref(&self) -> &[i8] {
        &self.bytes[self.start..]
    }
}

impl From<&[i8]> for AlignedBytes {
    fn from(bytes: &[i8]) -> Self {
        let mut aligned = Self::with_capacity(bytes.len());
        aligned.bytes.extend_from_slice(bytes);
        aligned
    }
}

impl From<Vec<i8>> for AlignedBytes {
    fn from(bytes: Vec<i8>) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl Clone for AlignedBytes {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl PartialEq for AlignedBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_begin_at_a_line_however_they_came_about() {
        let is_aligned = |bytes: &AlignedBytes| bytes.as_ptr().addr().is_multiple_of(LINE);
        let mut grown = AlignedBytes::default();
        let mut plain: Vec<i8> = Vec::new();
        for round in 0..200_usize {
            let more: Vec<i8> = (0..round % 7).map(|number| (round + number) as i8).collect();
            grown.extend_from_slice(&more);
            plain.extend(more);
            assert_eq!(*grown, *plain);
            assert!(grown.is_empty() || is_aligned(&grown));
        }
        let copy = grown.clone();
        assert!(is_aligned(&copy) && copy == grown && is_aligned(&plain.into()));
        let mut zeros = AlignedBytes::zeros(3);
        zeros.as_mut_slice()[1] = 7;
        assert!(is_aligned(&zeros) && *zeros == [0, 7, 0]);
    }
}
