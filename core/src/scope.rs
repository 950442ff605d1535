//! Scopes: what an entry belongs to, and all that a search of it can see.
//!
//! The text of a scope is `global`, or a kind and a name with a colon between, split at the first
//! one; printing and parsing are exact inverses, whatever the name holds. Names are compared byte
//! for byte: no scope is a part of another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, beginning};

/// Whom an entry belongs to: a tenant, a user, one of the other kinds, or everybody.
///
/// Entries of one scope are invisible from every other; nothing is looked up by id alone.
///
/// ```
/// use vicino_core::Scope;
///
/// let scope = Scope::Tenant("acme".to_owned());
/// assert_eq!(scope.to_string(), "tenant:acme");
/// assert_eq!("custom:tenant:acme".parse(), Ok(Scope::Custom("tenant:acme".to_owned())));
/// assert_eq!("tenent:acme".parse::<Scope>().unwrap_err().code(), "unknown_scope_kind");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// What belongs to nobody in particular. The default, which is one scope among others and
    /// never stands for all of them.
    #[default]
    Global,
    /// A customer of a service, whose data no other may see.
    Tenant(String),
    /// A person.
    User(String),
    /// A conversation, or another stretch of time with a beginning and an end.
    Session(String),
    /// A program that acts on its own.
    Agent(String),
    /// Something that agents use.
    Tool(String),
    /// A sequence of steps.
    Workflow(String),
    /// What runs when something else happens.
    Hook(String),
    /// Anything else.
    Custom(String),
}

/// The most bytes of a scope's name.
const NAME_BYTES_MAX: usize = 512;

/// Each kind that has a name, and the scope that it makes of one.
type Kind = (&'static str, fn(String) -> Scope);

const KINDS: [Kind; 8] = [
    ("tenant", Scope::Tenant),
    ("user", Scope::User),
    ("session", Scope::Session),
    ("agent", Scope::Agent),
    ("tool", Scope::Tool),
    ("workflow", Scope::Workflow),
    ("hook", Scope::Hook),
    ("custom", Scope::Custom),
];

impl Scope {
    /// The kind: the text before the first colon.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Tenant(_) => "tenant",
            Self::User(_) => "user",
            Self::Session(_) => "session",
            Self::Agent(_) => "agent",
            Self::Tool(_) => "tool",
            Self::Workflow(_) => "workflow",
            Self::Hook(_) => "hook",
            Self::Custom(_) => "custom",
        }
    }

    /// The name, which all kinds have but `Global`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Global => None,
            Self::Tenant(name)
            | Self::User(name)
            | Self::Session(name)
            | Self::Agent(name)
            | Self::Tool(name)
            | Self::Workflow(name)
            | Self::Hook(name)
            | Self::Custom(name) => Some(name),
        }
    }

    /// Can the scope hold entries? Whatever takes a scope asks this first.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`] where its name is empty or longer than 512 bytes.
    pub fn validate(&self) -> Result<(), Error> {
        match self.name().map_or(1, str::len) {
            1..=NAME_BYTES_MAX => Ok(()),
            found => Err(Error::InvalidName { what: "scope", max: NAME_BYTES_MAX, found }),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self.name() {
            Some(name) => write!(f, ":{name}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Scope {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::UnknownScopeKind`] and [`Error::InvalidName`].
    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "global" {
            return Ok(Self::Global);
        }
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        let Some((_, scope)) = KINDS.iter().find(|(known, _)| *known == kind) else {
            return Err(Error::UnknownScopeKind { kind: beginning(kind, 32) });
        };
        // Before it is copied: a text may be of any length.
        if name.len() > NAME_BYTES_MAX {
            let found = name.len();
            return Err(Error::InvalidName { what: "scope", max: NAME_BYTES_MAX, found });
        }
        let scope = scope(name.to_owned());
        scope.validate().map(|()| scope)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_scope_are_exact_inverses_whatever_the_name() {
        let longest = "x".repeat(NAME_BYTES_MAX);
        let names = [
            "a",
            ":",
            "::a",
            "global",
            "tenant:acme",
            " ",
            "\0",
            "\u{e9}\u{1f600}",
            "../x",
            "%",
            &longest,
        ];
        for name in names {
            for (kind, scope) in KINDS {
                let scope = scope(name.to_owned());
                assert_eq!(scope.validate(), Ok(()));
                assert_eq!((scope.kind(), scope.name()), (kind, Some(name)));
                assert_eq!(scope.to_string(), format!("{kind}:{name}"));
                assert_eq!(scope.to_string().parse(), Ok(scope.clone()));
                let json = serde_json::to_string(&scope).unwrap();
                assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), scope);
            }
        }
        assert_eq!("global".parse(), Ok(Scope::Global));
        assert_eq!(Scope::Global.to_string(), "global");
        assert_eq!(Scope::default(), Scope::Global);
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        let long = format!("user:{}", "x".repeat(NAME_BYTES_MAX + 1));
        let cases = [
            ("", "unknown_scope_kind"),
            ("Global", "unknown_scope_kind"),
            ("global:", "unknown_scope_kind"),
            ("global:x", "unknown_scope_kind"),
            ("acme", "unknown_scope_kind"),
            (":acme", "unknown_scope_kind"),
            (" tenant:acme", "unknown_scope_kind"),
            ("tenant", "invalid_name"),
            ("tenant:", "invalid_name"),
            (&long, "invalid_name"),
        ];
        for (text, code) in cases {
            assert_eq!(text.parse::<Scope>().unwrap_err().code(), code, "{text:?}");
        }
        assert_eq!(Scope::Hook(String::new()).validate().unwrap_err().code(), "invalid_name");
        let message = Error::UnknownScopeKind { kind: String::new() }.to_string();
        let kinds = KINDS.map(|(kind, _)| kind).join(", ");
        assert!(message.ends_with(&format!("global, {kinds}")), "{message}");
    }
}
