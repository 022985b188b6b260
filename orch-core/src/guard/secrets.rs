//! Secrets, by how they look: what must not reach a file or a model.

use std::sync::OnceLock;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

/// Kinds of secrets, and what gives each away. Formats are those their issuers publish.
const KINDS: [(&str, &str); 56] = [
    ("private key", r"(?s)-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [^-]*-----|\z)"),
    ("age key", r"AGE-SECRET-KEY-1[0-9A-Z]{30,}"),
    (
        "authorization header",
        r#"(?i)\bauthorization["']?\s*[:=]\s*["']?(?:bearer|basic|token)\s+[\w.~+/=-]{8,}"#,
    ),
    ("bearer token", r"(?i)\bbearer\s+[\w.~+/=-]{20,}"),
    (
        "API key header",
        r#"(?i)\b(?:x-)?(?:api|goog-api|functions|subscription)[-_]key["']?\s*[:=]\s*["']?[\w.~+/=-]{8,}"#,
    ),
    ("password in a URL", r"[a-z][a-z0-9+.-]*://[^\s:/@]*:[^\s:/@]{3,}@"),
    ("JSON web token", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    (
        "assigned secret",
        r#"(?i)\b(?:password|passwd|secret|client_secret|access_token|refresh_token|private_key|auth_token)["']?\s*[:=]\s*["']?[^\s"',;]{8,}"#,
    ),
    ("AWS access key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
    ("AWS secret key", r#"(?i)aws_?secret_?(?:access_?)?key["']?\s*[:=]\s*["']?[\w/+=]{40}"#),
    ("Azure storage key", r"(?i)\bAccountKey=[\w+/=]{40,}"),
    ("Azure shared signature", r"[?&]sig=[\w%+/=-]{30,}"),
    ("Google API key", r"\bAIza[\w-]{35}"),
    ("Google OAuth token", r"\bya29\.[\w-]{20,}"),
    ("Google OAuth secret", r"\bGOCSPX-[\w-]{20,}"),
    ("OpenAI or compatible key", r"\bsk-[A-Za-z0-9_-]{20,}"),
    ("xAI key", r"\bxai-[A-Za-z0-9]{30,}"),
    ("Groq key", r"\bgsk_[A-Za-z0-9]{30,}"),
    ("Perplexity key", r"\bpplx-[A-Za-z0-9]{30,}"),
    ("Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}"),
    ("Replicate token", r"\br8_[A-Za-z0-9]{30,}"),
    ("NVIDIA key", r"\bnvapi-[\w-]{40,}"),
    ("LangSmith key", r"\blsv2_(?:pt|sk)_[0-9a-f]{32}"),
    ("Pinecone key", r"\bpcsk_[\w]{30,}"),
    ("GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,}"),
    ("GitHub fine-grained token", r"\bgithub_pat_\w{50,}"),
    ("GitLab token", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[\w-]{20,}"),
    ("Bitbucket or Atlassian token", r"\bAT(?:ATT|BB)[\w=-]{20,}"),
    ("Slack token", r"\bxox[abeoprs]-[\w-]{10,}"),
    ("Slack app token", r"\bxapp-\d-[\w-]{10,}"),
    ("Slack webhook", r"hooks\.slack\.com/(?:services|workflows)/[\w/]{20,}"),
    ("Discord webhook", r"discord(?:app)?\.com/api/webhooks/\d+/[\w-]{30,}"),
    ("Telegram bot token", r"\b\d{8,10}:AA[\w-]{33}"),
    ("Stripe key", r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("Stripe webhook secret", r"\bwhsec_[A-Za-z0-9+/=]{24,}"),
    ("Square token", r"\b(?:sq0(?:atp|csp)-[\w-]{22,}|EAAA[\w-]{50,})"),
    ("Shopify token", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("Twilio key", r"\bSK[0-9a-f]{32}\b"),
    ("SendGrid key", r"\bSG\.[\w-]{20,}\.[\w-]{20,}"),
    ("Mailgun key", r"\bkey-[0-9a-f]{32}\b"),
    ("Mailchimp key", r"\b[0-9a-f]{32}-us\d{1,2}\b"),
    ("npm token", r"\bnpm_[A-Za-z0-9]{36}"),
    ("PyPI token", r"\bpypi-[\w-]{50,}"),
    ("RubyGems key", r"\brubygems_[0-9a-f]{48}"),
    ("crates.io token", r"\bcio[A-Za-z0-9]{32}\b"),
    ("Docker token", r"\bdckr_(?:pat|oat)_[\w-]{20,}"),
    ("DigitalOcean token", r"\bdo[opr]_v1_[0-9a-f]{64}"),
    ("HashiCorp Vault token", r"\bhv[sbr]\.[\w-]{24,}"),
    ("Terraform Cloud token", r"\b[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,}"),
    ("Databricks token", r"\bdapi[0-9a-f]{32}"),
    ("Grafana token", r"\bgl(?:sa|c)_[\w=+/-]{32,}"),
    ("New Relic key", r"\bNRAK-[A-Z0-9]{27}"),
    ("Sentry token", r"\bsntr[yu]s_[\w=+/-]{40,}"),
    ("Linear key", r"\blin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    ("Notion token", r"\b(?:secret|ntn)_[A-Za-z0-9]{40,}"),
    ("Figma or Postman token", r"\b(?:figd_[\w-]{40,}|PMAK-[0-9a-f]{24}-[0-9a-f]{34})"),
];

/// What gives an address away.
const EMAIL: &str = r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b";

/// The shortest value of a variable that is looked for: a shorter one is found in any text.
const SHORTEST: usize = 8;

/// What looks like a secret: the formats of 56 issuers, and the values of this process's environment variables whose
/// names speak of secrets.
///
/// ```
/// use orch_core::guard::Secrets;
///
/// let text = format!("my key is sk-{}", "a1".repeat(12));
/// assert_eq!(Secrets::known().redacted(&text), "my key is [secret: OpenAI or compatible key]");
/// ```
#[derive(Debug)]
pub struct Secrets {
    patterns: Regex,
    names: Vec<&'static str>,
    /// Values of variables whose names speak of secrets.
    values: Vec<String>,
}

impl Secrets {
    /// Those of all kinds.
    pub fn known() -> &'static Self {
        static KNOWN: OnceLock<Secrets> = OnceLock::new();
        KNOWN.get_or_init(|| Self::new(false))
    }

    /// Those, and email addresses.
    pub fn and_emails() -> &'static Self {
        static KNOWN: OnceLock<Secrets> = OnceLock::new();
        KNOWN.get_or_init(|| Self::new(true))
    }

    fn new(emails: bool) -> Self {
        let email = emails.then_some(("email address", EMAIL));
        let (names, patterns): (Vec<&str>, Vec<&str>) = KINDS.into_iter().chain(email).unzip();
        // The patterns are constants, and a test compiles them.
        let patterns = Regex::builder()
            // What issuers print is ASCII, and ASCII classes are a hundredth of the size.
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .build_many(&patterns)
            .unwrap_or_else(|error| unreachable!("a pattern is invalid: {error}"));
        let mut values: Vec<String> = std::env::vars_os()
            .filter(|(name, _)| is_secret(&name.to_string_lossy()))
            .filter_map(|(_, value)| value.into_string().ok())
            .filter(|value| value.len() >= SHORTEST)
            .collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { patterns, names, values }
    }

    /// What kind of secret stands in a text first, if any does.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&'static str> {
        if self.values.iter().any(|value| text.contains(value)) {
            return Some("value of an environment variable");
        }
        let found = self.patterns.find(text)?;
        Some(self.names[found.pattern().as_usize()])
    }

    /// The text with the kind of each secret in its place.
    #[must_use]
    pub fn redacted(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for value in self.values.iter().filter(|value| text.contains(*value)) {
            clean = clean.replace(value, "[secret: value of an environment variable]");
        }
        let mut safe = String::with_capacity(clean.len());
        let mut end = 0;
        for found in self.patterns.find_iter(&clean) {
            // Patterns see bytes, and a letter may have several.
            safe.push_str(&clean[end..clean.floor_char_boundary(found.start()).max(end)]);
            safe.extend(["[secret: ", self.names[found.pattern().as_usize()], "]"]);
            end = clean.ceil_char_boundary(found.end());
        }
        safe.push_str(&clean[end..]);
        safe
    }
}

/// Whether the name of a variable speaks of a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_and_plain_talk_is_no_secret() {
        let secrets = Secrets::new(true);
        assert_eq!(secrets.names.len(), KINDS.len() + 1);
        for text in [
            "I forgot my password, please reset it",
            "the secret: be kind",
            "what is a bearer bond?",
            "my order sk-12 is late, key-board broken",
            "see https://example.org/a:b/c?d=e",
        ] {
            assert_eq!(secrets.find(text), None, "{text}");
            assert_eq!(secrets.redacted(text), text);
        }
        assert_eq!(secrets.find("write to ann@example.org"), Some("email address"));
        assert_eq!(Secrets::known().find("write to ann@example.org"), None);
    }

    #[test]
    fn what_is_taken_out_leaves_the_rest() {
        let text = format!("before sk-{} after hf_{}", "a1".repeat(12), "B2".repeat(17));
        let safe = Secrets::known().redacted(&text);
        assert_eq!(safe, "before [secret: OpenAI or compatible key] after [secret: Hugging Face token]");
    }
}
