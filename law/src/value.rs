//! The values of programs.

/// A value that can be borrowed and taken, but not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(pub u64);

/// A value that depends on all the others and on their order: 64-bit FNV-1a over them.
#[must_use]
pub fn mix(values: &[&Value]) -> Value {
    Value(
        values
            .iter()
            .fold(0xCBF2_9CE4_8422_2325, |hash, value| (hash ^ value.0).wrapping_mul(0x0000_0100_0000_01B3)),
    )
}

/// [`mix`] of a list.
#[must_use]
pub fn mix_all(values: &[Value]) -> Value {
    mix(&values.iter().collect::<Vec<_>>())
}

/// What stands in for a call that failed for good.
#[must_use]
pub fn instead(id: u32) -> Value {
    Value(u64::from(id) + 1_000)
}
