//! The fields of a row, and what may have been meant by others.

/// The fields of a row.
pub(super) const FIELDS: [&str; 7] = ["id", "input", "label", "tags", "pin", "split", "cluster"];

/// The field that a name is a slip for: other in case only, or in one letter more, less, other, or exchanged with its
/// neighbour. A short one is too easily another word.
pub(super) fn meant(found: &str) -> Option<&'static str> {
    FIELDS.into_iter().find(|field| found != *field && is_slip(&found.to_lowercase(), field))
}

fn is_slip(found: &str, field: &str) -> bool {
    if found == field {
        return true;
    }
    let (a, b) = (found.as_bytes(), field.as_bytes());
    if b.len() < 4 || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    match (a, b) {
        ([x, y, rest @ ..], [v, w, others @ ..]) if x == w && y == v && rest == others => true,
        _ if a.len() > b.len() => a[1..] == *b,
        _ if a.len() < b.len() => *a == b[1..],
        _ => a.get(1..) == b.get(1..),
    }
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn slips_are_told_from_words() {
        for (found, field) in [
            ("Split", Some("split")),
            ("splti", Some("split")),
            ("lable", Some("label")),
            ("labels", Some("label")),
            ("nput", Some("input")),
            ("PIN", Some("pin")),
            ("pid", None),
            ("bin", None),
            ("text", None),
            ("label", None),
        ] {
            assert_eq!(meant(found), field, "{found}");
        }
    }
}
