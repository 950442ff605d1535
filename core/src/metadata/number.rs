//! Numbers that compare as numbers do, exactly, however they are written.
//!
//! A number is an integer of 64 bits, with a sign or without, or a float. A float that is an
//! integer within 2^53, where every integer is a float too, becomes that integer, and so does -0:
//! what JavaScript sends comes back as it was. Beyond, a float stays one, and equals the integer
//! that it is: `==`, the order and the hash agree.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::error::Error;

/// A number of metadata: an `i64`, a `u64` or a finite `f64`.
///
/// ```
/// use vicino_core::Number;
///
/// assert_eq!(Number::try_from(3.0)?, Number::from(3));
/// assert!(Number::from(u64::MAX) > Number::from(i64::MAX));
/// // As floats the two would be equal.
/// assert!(Number::from((1_i64 << 53) + 1) > Number::try_from((1_i64 << 53) as f64)?);
/// assert!(Number::try_from(f64::NAN).is_err());
/// # Ok::<(), vicino_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Number(Form);

#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// All integers that fit.
    Signed(i64),
    /// Those above.
    Unsigned(u64),
    /// Neither a NaN nor an infinity nor one of the integers within [`EXACT`].
    Float(f64),
}

/// Within this every integer is a float too.
const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53

impl Number {
    pub(super) fn form(self) -> Form {
        self.0
    }

    /// The nearest float.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self.0 {
            Form::Signed(value) => value as f64,
            Form::Unsigned(value) => value as f64,
            Form::Float(value) => value,
        }
    }

    /// The number where it is an integer of this size.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        match self.0 {
            Form::Signed(value) => Some(value),
            Form::Unsigned(_) | Form::Float(_) => None,
        }
    }

    /// The number where it is an integer of this size.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self.0 {
            Form::Signed(value) => value.try_into().ok(),
            Form::Unsigned(value) => Some(value),
            Form::Float(_) => None,
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(Form::Signed(value))
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(i64::try_from(value).map_or(Form::Unsigned(value), Form::Signed))
    }
}

impl From<i32> for Number {
    fn from(value: i32) -> Self {
        Self::from(i64::from(value))
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self::from(i64::from(value))
    }
}

impl TryFrom<f64> for Number {
    type Error = Error;

    /// # Errors
    ///
    /// [`Error::InvalidNumber`] for a NaN or an infinity.
    fn try_from(value: f64) -> Result<Self, Error> {
        if !value.is_finite() {
            return Err(Error::InvalidNumber { found: value });
        }
        #[expect(clippy::cast_possible_truncation, reason = "an integer within 2^53")]
        let form = match value.abs() <= EXACT && value.trunc() == value {
            true => Form::Signed(value as i64),
            false => Form::Float(value),
        };
        Ok(Self(form))
    }
}

impl Number {
    /// The number in nine bytes: which form it has, and its value.
    pub(crate) fn to_bytes(self) -> [u8; 9] {
        let (form, value) = match self.0 {
            Form::Signed(value) => (0, value.to_le_bytes()),
            Form::Unsigned(value) => (1, value.to_le_bytes()),
            Form::Float(value) => (2, value.to_le_bytes()),
        };
        let mut bytes = [form; 9];
        bytes[1..].copy_from_slice(&value);
        bytes
    }

    /// The number that has these bytes, if one has.
    pub(crate) fn of_bytes([form, value @ ..]: [u8; 9]) -> Option<Self> {
        let number = match form {
            0 => Self::from(i64::from_le_bytes(value)),
            1 => Self::from(u64::from_le_bytes(value)),
            2 => Self::try_from(f64::from_le_bytes(value)).ok()?,
            _ => return None,
        };
        (number.to_bytes()[0] == form).then_some(number)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.0, other.0) {
            (Form::Signed(a), Form::Signed(b)) => a.cmp(&b),
            (Form::Unsigned(a), Form::Unsigned(b)) => a.cmp(&b),
            (Form::Float(a), Form::Float(b)) => a.total_cmp(&b),
            (Form::Signed(_), Form::Unsigned(_)) => Ordering::Less,
            (Form::Unsigned(_), Form::Signed(_)) => Ordering::Greater,
            (Form::Signed(a), Form::Float(b)) => compare(a.into(), b),
            (Form::Unsigned(a), Form::Float(b)) => compare(a.into(), b),
            (Form::Float(a), Form::Signed(b)) => compare(b.into(), a).reverse(),
            (Form::Float(a), Form::Unsigned(b)) => compare(b.into(), a).reverse(),
        }
    }
}

/// An integer of 64 bits beside a float that is finite.
fn compare(integer: i128, float: f64) -> Ordering {
    // Floats beyond end at the ends of i128, which no integer of 64 bits reaches.
    #[expect(clippy::cast_possible_truncation, reason = "rounded towards zero")]
    let whole = float.trunc() as i128;
    integer.cmp(&whole).then_with(|| 0.0_f64.total_cmp(&(float - float.trunc() + 0.0)))
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            Form::Signed(value) => i128::from(value).hash(state),
            Form::Unsigned(value) => i128::from(value).hash(state),
            // Beyond 2^53 a float may equal an integer, and then they hash alike.
            #[expect(clippy::cast_possible_truncation, reason = "of the large one, equal or not")]
            Form::Float(value) if value.trunc() == value => (value as i128).hash(state),
            Form::Float(value) => value.to_bits().hash(state),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Form::Signed(value) => value.fmt(f),
            Form::Unsigned(value) => value.fmt(f),
            Form::Float(value) => value.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_numbers_and_total() {
        let float = |value: f64| Number::try_from(value).unwrap();
        let ascending = [
            float(-1e300),
            float(-2e19),
            Number::from(i64::MIN),
            Number::from(-(1_i64 << 53) - 1),
            float(-EXACT),
            float(-1.5),
            Number::from(-1),
            float(-1e-300),
            Number::from(0),
            float(5e-324),
            float(0.5),
            Number::from(1),
            float(1.5),
            float(EXACT),
            Number::from((1_i64 << 53) + 1),
            Number::from(i64::MAX),
            Number::from(i64::MAX as u64 + 1),
            Number::from(u64::MAX),
            float(2e19),
            float(f64::MAX),
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(a.cmp(b), i.cmp(&j), "{a} beside {b}");
                assert_eq!(a == b, i == j, "{a} beside {b}");
            }
        }
    }

    #[test]
    fn a_large_float_equals_the_integer_that_it_is() {
        let hash = |number: Number| {
            let mut hasher = std::hash::DefaultHasher::new();
            number.hash(&mut hasher);
            hasher.finish()
        };
        let large = 1_i64 << 60;
        let (float, integer) = (Number::try_from(large as f64).unwrap(), Number::from(large));
        assert_eq!(float.as_i64(), None, "it came as a float and stays one");
        assert_eq!((float, hash(float)), (integer, hash(integer)));
        assert_ne!(float, Number::from(large + 1));
    }

    #[test]
    fn one_number_has_one_form() {
        assert_eq!(Number::try_from(-0.0).unwrap(), Number::from(0));
        assert_eq!(Number::try_from(-0.0).unwrap().to_string(), "0");
        assert_eq!(Number::from(7_u64), Number::from(7_i64));
        assert_eq!(Number::try_from(EXACT).unwrap().as_u64(), Some(1 << 53));
        assert_eq!(Number::from(u64::MAX).as_i64(), None);
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Number::try_from(wrong).unwrap_err().code(), "invalid_number");
        }
    }
}
