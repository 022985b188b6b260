//! Arithmetic.

use std::fmt;

use orch_core::tool;

/// Brackets inside brackets, at most.
const DEPTH: usize = 64;
/// Letters of an expression, at most.
const LENGTH: usize = 4_096;

/// Calculates an expression of numbers, + - * / % ^ and brackets, with sqrt, ln, log10, exp, abs, floor, ceil, round, sin,
/// cos, tan, pi and e. Gives the number.
///
/// # Errors
///
/// When it is no expression, or has no finite value.
#[tool(reads)]
pub async fn calculate(
    /// The expression, like "2 * (3 + 4) ^ 2".
    expression: String,
) -> Result<f64, ArithmeticError> {
    evaluate(&expression)
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArithmeticError {
    /// Where, in letters from 1.
    pub position: usize,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for ArithmeticError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at letter {}: {}", self.position, self.what)
    }
}

impl std::error::Error for ArithmeticError {}

/// The value of an expression.
///
/// ```
/// use orch_tools::evaluate;
///
/// assert_eq!(evaluate("-2 ^ 2 + 3 * 4")?, 8.0);
/// assert_eq!(evaluate("2 * (3 +").unwrap_err().to_string(), "at letter 9: the expression ends here, and a number is missing");
/// # Ok::<(), orch_tools::ArithmeticError>(())
/// ```
///
/// # Errors
///
/// When it is none, is longer than 4,096 letters, nested deeper than 64, or has no finite value.
pub fn evaluate(expression: &str) -> Result<f64, ArithmeticError> {
    let letters: Vec<char> = expression.chars().take(LENGTH + 1).collect();
    let mut parser = Parser { letters: &letters, at: 0 };
    if letters.len() > LENGTH {
        return Err(parser.error("the expression is too long"));
    }
    let value = parser.sum(0)?;
    parser.skip();
    if parser.at < letters.len() {
        return Err(parser.error("this is more than an expression"));
    }
    if value.is_finite() { Ok(value) } else { Err(parser.error("the value is not finite")) }
}

struct Parser<'a> {
    letters: &'a [char],
    at: usize,
}

impl Parser<'_> {
    fn error(&self, what: &str) -> ArithmeticError {
        ArithmeticError { position: self.at + 1, what: what.to_owned() }
    }

    fn skip(&mut self) {
        while self.letters.get(self.at).is_some_and(|letter| letter.is_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: &[char]) -> Option<char> {
        self.skip();
        let letter = *self.letters.get(self.at)?;
        wanted.contains(&letter).then(|| {
            self.at += 1;
            letter
        })
    }

    fn sum(&mut self, depth: usize) -> Result<f64, ArithmeticError> {
        if depth > DEPTH {
            return Err(self.error("the brackets go too deep"));
        }
        let mut value = self.product(depth)?;
        while let Some(sign) = self.take(&['+', '-']) {
            let next = self.product(depth)?;
            value = if sign == '+' { value + next } else { value - next };
        }
        Ok(value)
    }

    fn product(&mut self, depth: usize) -> Result<f64, ArithmeticError> {
        let mut value = self.signed(depth)?;
        while let Some(sign) = self.take(&['*', '/', '%']) {
            let place = self.at;
            let next = self.signed(depth)?;
            if sign != '*' && next == 0.0 {
                return Err(ArithmeticError { position: place + 1, what: "this divides by zero".to_owned() });
            }
            value = match sign {
                '*' => value * next,
                '/' => value / next,
                _ => value % next,
            };
        }
        Ok(value)
    }

    /// A sign binds less than a power: `-2 ^ 2` is -4.
    fn signed(&mut self, depth: usize) -> Result<f64, ArithmeticError> {
        let mut negative = false;
        while let Some(sign) = self.take(&['+', '-']) {
            negative ^= sign == '-';
        }
        let value = self.power(depth)?;
        Ok(if negative { -value } else { value })
    }

    fn power(&mut self, depth: usize) -> Result<f64, ArithmeticError> {
        let base = self.atom(depth)?;
        if self.take(&['^']).is_none() {
            return Ok(base);
        }
        if depth > DEPTH {
            return Err(self.error("the powers go too deep"));
        }
        let negative = self.take(&['-']).is_some();
        let exponent = self.power(depth + 1)?;
        Ok(base.powf(if negative { -exponent } else { exponent }))
    }

    fn atom(&mut self, depth: usize) -> Result<f64, ArithmeticError> {
        if self.take(&['(']).is_some() {
            let value = self.sum(depth + 1)?;
            return if self.take(&[')']).is_some() {
                Ok(value)
            } else {
                Err(self.error("a bracket is not closed"))
            };
        }
        self.skip();
        let start = self.at;
        let rest = &self.letters[start..];
        let Some(first) = rest.first() else {
            return Err(self.error("the expression ends here, and a number is missing"));
        };
        if first.is_ascii_digit() || *first == '.' {
            return self.number();
        }
        let name: String = rest.iter().take_while(|letter| letter.is_ascii_alphanumeric()).collect();
        self.at += name.len();
        let function: fn(f64) -> f64 = match name.as_str() {
            "pi" => return Ok(std::f64::consts::PI),
            "e" => return Ok(std::f64::consts::E),
            "sqrt" => f64::sqrt,
            "ln" => f64::ln,
            "log10" => f64::log10,
            "exp" => f64::exp,
            "abs" => f64::abs,
            "floor" => f64::floor,
            "ceil" => f64::ceil,
            "round" => f64::round,
            "sin" => f64::sin,
            "cos" => f64::cos,
            "tan" => f64::tan,
            _ => {
                self.at = start;
                return Err(self.error("this is no number and no function"));
            }
        };
        if self.take(&['(']).is_none() {
            return Err(self.error("a function is followed by a bracket"));
        }
        let value = function(self.sum(depth + 1)?);
        if self.take(&[')']).is_some() { Ok(value) } else { Err(self.error("a bracket is not closed")) }
    }

    fn number(&mut self) -> Result<f64, ArithmeticError> {
        let start = self.at;
        let mut digits = String::new();
        while let Some(letter) = self.letters.get(self.at) {
            let after_power = digits.ends_with(['e', 'E']);
            let power = matches!(letter, 'e' | 'E')
                && !digits.contains(['e', 'E'])
                && self
                    .letters
                    .get(self.at + 1)
                    .is_some_and(|next| next.is_ascii_digit() || matches!(next, '+' | '-'));
            let sign = after_power && matches!(letter, '+' | '-');
            if !(letter.is_ascii_digit() || *letter == '.' || *letter == '_' || power || sign) {
                break;
            }
            digits.push(*letter);
            self.at += 1;
        }
        digits
            .replace('_', "")
            .parse()
            .map_err(|_| ArithmeticError { position: start + 1, what: format!("`{digits}` is no number") })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_those_of_arithmetic() {
        for (expression, value) in [
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("2 ^ 3 ^ 2", 512.0),
            ("-2 ^ 2", -4.0),
            ("2 ^ -1", 0.5),
            ("--3 - -4", 7.0),
            ("7 % 4 / 2", 1.5),
            ("sqrt(16) + abs(-2.5e1)", 29.0),
            ("1_000 * .5", 500.0),
            ("floor(pi * 10)", 31.0),
        ] {
            assert!((evaluate(expression).unwrap() - value).abs() < 1e-12, "{expression}");
        }
        for expression in [
            "",
            "1 +",
            "(1",
            "1)",
            "1 / 0",
            "5 % (1 - 1)",
            "sqrt(-1)",
            "9 ^ 999",
            "1.2.3",
            "two",
            "sin 1",
            "1 2",
        ] {
            assert!(evaluate(expression).is_err(), "{expression}");
        }
        assert!(evaluate(&"(".repeat(100_000)).is_err());
        assert!(evaluate(&"2^".repeat(2_000)).is_err());
        assert!(evaluate(&"-".repeat(4_000)).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(expression in "[0-9a-z+*/^%(). _-]{0,60}") {
            let _ = evaluate(&expression);
        }

        #[test]
        fn sums_are_rusts(a in -1e6_f64..1e6, b in -1e6_f64..1e6) {
            let off = evaluate(&format!("{a:?} + {b:?}")).unwrap() - (a + b);
            prop_assert!(off.abs() < f64::EPSILON);
        }
    }
}
