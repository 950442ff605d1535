//! Who may do what: tokens, and what each of them reaches.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use vicino::Scope;

use super::failure::Failure;

/// What requests may do.
#[derive(Debug)]
pub(super) enum Access {
    /// All may do everything.
    Open,
    /// Those with a token may do what it reaches. Tokens are found by their digests, so that the
    /// time that it takes tells nothing of those that are near.
    Tokens(HashMap<[u8; 32], Reach>),
}

/// What a token reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    Everything,
    Scope(Scope),
}

/// Shorter tokens could be guessed.
const TOKEN_MIN: usize = 16;

impl Access {
    /// Reads a file with a token a line and what it reaches; a line that begins with `#` is a
    /// remark.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let mut tokens = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (token, reach) =
                parse(line).with_context(|| format!("{}:{number}", path.display()))?;
            if tokens.insert(digest(token), reach).is_some() {
                bail!("{}:{number}: the token is there already", path.display());
            }
        }
        ensure!(!tokens.is_empty(), "{} has no token", path.display());
        Ok(Self::Tokens(tokens))
    }

    /// May who sent this do what is asked of a scope, or of everything where none is named?
    pub(super) fn admit(&self, headers: &HeaderMap, scope: Option<&Scope>) -> Result<(), Failure> {
        let Self::Tokens(tokens) = self else { return Ok(()) };
        let token = bearer(headers).ok_or_else(Failure::unauthorized)?;
        match (tokens.get(&digest(token)), scope) {
            (None, _) => Err(Failure::unauthorized()),
            (Some(Reach::Everything), _) => Ok(()),
            (Some(Reach::Scope(own)), Some(scope)) if own == scope => Ok(()),
            (Some(Reach::Scope(_)), _) => Err(Failure::forbidden()),
        }
    }
}

fn parse(line: &str) -> Result<(&str, Reach)> {
    let Some((token, reach)) = line.split_once(char::is_whitespace) else {
        bail!("a line has a token, a space, and a scope or `*`");
    };
    let is_token = token.bytes().all(|byte| byte.is_ascii_graphic()) && token.len() >= TOKEN_MIN;
    ensure!(is_token, "a token has at least {TOKEN_MIN} characters of ASCII");
    let reach = match reach.trim_start() {
        "*" => Reach::Everything,
        scope => Reach::Scope(scope.parse()?),
    };
    Ok((token, reach))
}

/// The token that a request comes with. The word before it may be in any letters (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reaches_what_its_line_says() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            Access::read(&file).map_err(|error| format!("{error:#}"))
        };
        let access =
            read("# who\n\nall-of-it-0123456789 *\nacme-0123456789ab  tenant:a c\n").unwrap();
        let admit = |token: &str, scope: Option<&str>| {
            let headers = [(header::AUTHORIZATION, token.parse().unwrap())];
            let scope = scope.map(|scope| scope.parse::<Scope>().unwrap());
            access.admit(&headers.into_iter().collect(), scope.as_ref()).map_err(|it| it.status)
        };
        assert_eq!(admit("Bearer all-of-it-0123456789", None), Ok(()));
        assert_eq!(admit("bearer acme-0123456789ab", Some("tenant:a c")), Ok(()));
        let refused = |token, scope| admit(token, scope).unwrap_err().as_u16();
        assert_eq!(refused("Bearer acme-0123456789ab", None), 403);
        assert_eq!(refused("Bearer acme-0123456789ab", Some("tenant:a")), 403);
        assert_eq!(refused("Bearer acme-0123456789a", Some("tenant:a c")), 401);
        assert_eq!(refused("Basic acme-0123456789ab", Some("tenant:a c")), 401);

        for (text, said) in [
            ("", "has no token"),
            ("all-of-it-0123456789", ":1: a line has a token, a space"),
            ("\nshort *", ":2: a token has at least 16"),
            ("acme-0123456789ab planet:x", ":1: "),
            ("acme-0123456789ab *\nacme-0123456789ab *", ":2: the token is there already"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
