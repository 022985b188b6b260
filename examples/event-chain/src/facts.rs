//! Dates and sums, by plain code: they look the same in every letter.

/// Words for a currency, and signs.
const CURRENCIES: [&str; 7] = ["€", "$", "eur", "euro", "euros", "dollars", "francs"];
/// The first letters of months, in English and German.
const MONTHS: [&str; 15] =
    ["jan", "feb", "mar", "mär", "apr", "may", "mai", "jun", "jul", "aug", "sep", "oct", "okt", "nov", "dec"];

/// What a text says of when and how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Dates, as they are written.
    pub dates: Vec<String>,
    /// Sums of money, as they are written.
    pub sums: Vec<String>,
}

impl Facts {
    /// What a text says.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let words: Vec<&str> = text.split_whitespace().map(bare).collect();
        let mut facts = Self::default();
        for (place, word) in words.iter().copied().enumerate() {
            let next = words.get(place + 1).copied().unwrap_or_default();
            if is_date(word) {
                facts.dates.push(word.to_owned());
            } else if is_day(word) && is_month(next) {
                facts.dates.push(format!("{word} {next}"));
            } else if is_sum(word, next) {
                facts.sums.push(word.to_owned());
            }
        }
        facts
    }

    /// All of them in a line.
    #[must_use]
    pub fn line(&self) -> String {
        let listed = |all: &[String]| if all.is_empty() { "none".to_owned() } else { all.join(" and ") };
        format!("dates: {}, sums: {}", listed(&self.dates), listed(&self.sums))
    }
}

/// A word without what stands around it.
fn bare(word: &str) -> &str {
    let around = |letter: char| !letter.is_alphanumeric() && !matches!(letter, '€' | '$');
    word.trim_matches(around)
}

/// `31.12.2024`, `3/5/24` or `2024-12-31`.
fn is_date(word: &str) -> bool {
    let numbers: Option<Vec<u32>> = word.split(['.', '/', '-']).map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[first, month, last]) => {
            let day_first = (1..=31).contains(&first) && (20..=2100).contains(&last);
            let year_first = (1900..=2100).contains(&first) && (1..=31).contains(&last);
            (1..=12).contains(&month) && (day_first || year_first)
        }
        _ => false,
    }
}

fn is_day(word: &str) -> bool {
    word.parse::<u32>().is_ok_and(|day| (1..=31).contains(&day))
}

fn is_month(word: &str) -> bool {
    let word = word.to_lowercase();
    MONTHS.iter().any(|month| word.starts_with(month))
}

/// `29.90`, `1.204,50`, `40 euros` or `€40`.
fn is_sum(word: &str, next: &str) -> bool {
    let number = word.trim_matches(['€', '$']);
    let is_number = number.starts_with(|letter: char| letter.is_ascii_digit())
        && number.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | ','));
    let cents = number.rsplit_once(['.', ',']).is_some_and(|(_, cents)| cents.len() == 2);
    let is_money = number.len() < word.len() || CURRENCIES.contains(&next.to_lowercase().as_str());
    is_number && (cents || is_money)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_sums_are_told_apart() {
        let facts = Facts::of(
            "Rent from 1 May: 812 euros, before 770.50. Signed on 31.12.2024, room 14, §3, €40, 10 m. \
             Until 2024-02-03.",
        );
        assert_eq!(facts.dates, ["1 May", "31.12.2024", "2024-02-03"]);
        assert_eq!(facts.sums, ["812", "770.50", "€40"]);
        assert_eq!(Facts::of("nothing here").line(), "dates: none, sums: none");
    }
}
