//! The types that an option can have.

use serde_json::{Value as Json, json};

use super::OptionError;

/// A type that an option can have: numbers, `bool`, `String`, `Option<T>`,
/// `Vec<T>`, `[T; N]`, structs that derive [`UdfOptions`](super::UdfOptions)
/// and enums that derive [`Enum`](crate::Enum):
///
/// ```
/// use wudf_guest::Enum;
///
/// /// `"nearest"` or `"bilinear"`.
/// #[derive(Enum)]
/// enum Interpolation {
///     Nearest,
///     Bilinear,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an option",
    label = "not a type that an option can have",
    note = "an option is a number, `bool`, `String`, an `Option<T>`, `Vec<T>` or `[T; N]` of these, a \
            struct that derives `UdfOptions` or an enum that derives `Enum`"
)]
pub trait OptionValue: Sized {
    /// Its JSON Schema.
    fn schema() -> Json;

    /// The value that JSON says.
    fn parse(json: &Json) -> Result<Self, OptionError>;

    /// The value as JSON.
    fn to_json(&self) -> Json;

    /// What a value is that was not given, if it need not be.
    fn missing() -> Option<Self> {
        None
    }
}

/// An option's type, named by way of a trait: so that the compiler complains of
/// a wrong type once, and where it stands.
pub trait IsOption {
    /// The type itself.
    type Type: OptionValue;
}

impl<T: OptionValue> IsOption for T {
    type Type = T;
}

macro_rules! integers {
    ($($type:ty),*) => {
        $(impl OptionValue for $type {
            fn schema() -> Json {
                json!({"type": "integer", "minimum": <$type>::MIN, "maximum": <$type>::MAX})
            }
            fn parse(json: &Json) -> Result<Self, OptionError> {
                let number = json.as_i64().map(i128::from).or(json.as_u64().map(i128::from));
                number.and_then(|number| Self::try_from(number).ok()).ok_or_else(|| {
                    let (least, most) = (<$type>::MIN, <$type>::MAX);
                    OptionError::expected(&format!("a whole number from {least} to {most}"), json)
                })
            }
            fn to_json(&self) -> Json {
                json!(self)
            }
        })*
    };
}

integers!(i8, u8, i16, u16, i32, u32, i64, u64);

impl OptionValue for f64 {
    fn schema() -> Json {
        json!({"type": "number"})
    }
    fn parse(json: &Json) -> Result<Self, OptionError> {
        json.as_f64()
            .ok_or_else(|| OptionError::expected("a number", json))
    }
    fn to_json(&self) -> Json {
        json!(self)
    }
}

impl OptionValue for f32 {
    fn schema() -> Json {
        f64::schema()
    }
    fn parse(json: &Json) -> Result<Self, OptionError> {
        // By way of the text: rounding to f64 first could round twice.
        match json {
            Json::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
        .ok_or_else(|| OptionError::expected("a number", json))
    }
    fn to_json(&self) -> Json {
        // 0.1, not 0.10000000149011612.
        self.to_string()
            .parse::<f64>()
            .map_or(Json::Null, |number| json!(number))
    }
}

impl OptionValue for bool {
    fn schema() -> Json {
        json!({"type": "boolean"})
    }
    fn parse(json: &Json) -> Result<Self, OptionError> {
        json.as_bool()
            .ok_or_else(|| OptionError::expected("true or false", json))
    }
    fn to_json(&self) -> Json {
        json!(self)
    }
}

impl OptionValue for String {
    fn schema() -> Json {
        json!({"type": "string"})
    }
    fn parse(json: &Json) -> Result<Self, OptionError> {
        json.as_str()
            .map(str::to_owned)
            .ok_or_else(|| OptionError::expected("a string", json))
    }
    fn to_json(&self) -> Json {
        json!(self)
    }
}

impl<T: OptionValue> OptionValue for Option<T> {
    fn schema() -> Json {
        json!({"anyOf": [T::schema(), {"type": "null"}]})
    }
    fn parse(json: &Json) -> Result<Self, OptionError> {
        if json.is_null() {
            Ok(None)
        } else {
            T::parse(json).map(Some)
        }
    }
    fn to_json(&self) -> Json {
        self.as_ref().map_or(Json::Null, T::to_json)
    }
    fn missing() -> Option<Self> {
        Some(None)
    }
}

fn list(json: &Json) -> Result<&Vec<Json>, OptionError> {
    json.as_array()
        .ok_or_else(|| OptionError::expected("a list", json))
}

fn item<T: OptionValue>((at, json): (usize, &Json)) -> Result<T, OptionError> {
    T::parse(json).map_err(|error| error.within(&format!("[{at}]")))
}

impl<T: OptionValue> OptionValue for Vec<T> {
    fn schema() -> Json {
        json!({"type": "array", "items": T::schema()})
    }
    fn parse(json: &Json) -> Result<Self, OptionError> {
        list(json)?.iter().enumerate().map(item).collect()
    }
    fn to_json(&self) -> Json {
        self.iter().map(T::to_json).collect()
    }
}

impl<T: OptionValue, const N: usize> OptionValue for [T; N] {
    fn schema() -> Json {
        json!({"type": "array", "items": T::schema(), "minItems": N, "maxItems": N})
    }
    fn parse(json: &Json) -> Result<Self, OptionError> {
        let items = list(json)?
            .iter()
            .enumerate()
            .map(item)
            .collect::<Result<Vec<T>, _>>()?;
        Self::try_from(items).map_err(|items: Vec<T>| {
            OptionError::new(format!("expected {N} items, got {}", items.len()))
        })
    }
    fn to_json(&self) -> Json {
        self.iter().map(T::to_json).collect()
    }
}
