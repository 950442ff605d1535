//! Where in metadata a value is: keys with dots between.

use std::fmt;

use super::value::{Object, Value};

/// Keys that lead from object to object.
///
/// In its text a dot is between two keys; after a backslash any character, a dot or a backslash
/// among them, is itself. Every text is a path. Arrays on the way are looked into, however deep:
/// `authors.name` is the name of each author.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<String>);

impl FieldPath {
    /// Reads a path.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (mut keys, mut key) = (Vec::new(), String::new());
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '.' => keys.push(std::mem::take(&mut key)),
                '\\' => key.push(characters.next().unwrap_or('\\')),
                other => key.push(other),
            }
        }
        keys.push(key);
        Self(keys)
    }

    /// Its keys, of which there is one at least.
    pub(crate) fn keys(&self) -> &[String] {
        &self.0
    }

    /// Is one of the values at the path of this kind? An array is no value here, what is in it
    /// is; the second argument says whether the value was in one.
    pub(crate) fn any(&self, object: &Object, mut is: impl FnMut(&Value, bool) -> bool) -> bool {
        let (first, rest) = self.0.split_first().expect("a path has a key");
        object.get(first).is_some_and(|value| any(value, rest, false, &mut is))
    }
}

fn any(
    value: &Value,
    keys: &[String],
    in_array: bool,
    is: &mut dyn FnMut(&Value, bool) -> bool,
) -> bool {
    match (value, keys.split_first()) {
        (Value::Array(values), _) => values.iter().any(|value| any(value, keys, true, is)),
        (Value::Object(object), Some((first, rest))) => {
            object.get(first).is_some_and(|value| any(value, rest, false, is))
        }
        (value, None) => is(value, in_array),
        (_, Some(_)) => false,
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, key) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            for character in key.chars() {
                if matches!(character, '.' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_path_are_inverses() {
        let keys = |keys: &[&str]| FieldPath(keys.iter().map(|&key| key.to_owned()).collect());
        for (text, path) in [
            ("", keys(&[""])),
            ("a", keys(&["a"])),
            ("a.b.c", keys(&["a", "b", "c"])),
            (".", keys(&["", ""])),
            (r"a\.b.c", keys(&["a.b", "c"])),
            (r"a\\.b", keys(&["a\\", "b"])),
        ] {
            assert_eq!(FieldPath::new(text), path);
            assert_eq!(path.to_string(), text);
        }
        assert_eq!(FieldPath::new(r"\$a\"), keys(&["$a\\"]));
    }

    #[test]
    fn arrays_on_the_way_are_looked_into() {
        let json = r#"{"a":[{"b":1},{"b":[2,[3]]},4],"c":{"d":{}},"e":null}"#;
        let object: Object = serde_json::from_str(json).unwrap();
        let found = |path: &str| {
            let mut found = Vec::new();
            FieldPath::new(path).any(&object, |value, in_array| {
                let value = serde_json::to_string(value).unwrap();
                found.push(if in_array { format!("[{value}]") } else { value });
                false
            });
            found.join(" ")
        };
        assert_eq!(found("a.b"), "1 [2] [3]");
        assert_eq!(found("a"), r#"[{"b":1}] [{"b":[2,[3]]}] [4]"#);
        assert_eq!(found("c.d"), "{}");
        assert_eq!((found("e"), found("c.x"), found("e.f")), ("null".into(), "".into(), "".into()));
    }
}
