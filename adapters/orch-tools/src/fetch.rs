//! Pages of the web.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use orch_core::model::{ToolCall, ToolSpec};
use orch_core::tool::{Declared, Effect, ToolError, Tools};
use schemars::JsonSchema;
use serde::Deserialize;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

/// The longest a page may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a page that are read.
const MAX_BYTES: u64 = 1 << 20;
/// How often a page may say that it is elsewhere.
const REDIRECTS: u32 = 3;

/// A tool that reads pages of hosts it is told, `fetch_page`.
///
/// Only `http` and `https`, only hosts of the list, also after a redirect. A name that leads into this machine's own
/// network is refused when the connection is made, so it does not help to change where it leads in between.
#[derive(Clone)]
pub struct Fetch {
    hosts: Vec<String>,
    agent: Agent,
}

#[derive(Deserialize, JsonSchema)]
struct Page {
    /// The page's address, with https://.
    url: String,
}

/// Why a page is not fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchError {
    /// It is no address of the web.
    NoAddress,
    /// Its host is not on the list.
    Host {
        /// The host.
        host: String,
        /// Those on the list.
        allowed: Vec<String>,
    },
    /// It says it is elsewhere, more than three times.
    Redirects,
    /// It refuses.
    Status(u16),
    /// It is no text.
    NoText(String),
    /// It cannot be reached, or not in time, or not outside this network.
    Connection(String),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("this is no address of the web"),
            Self::Host { host, allowed } => {
                write!(f, "`{host}` is not allowed; allowed are {}", allowed.join(", "))
            }
            Self::Redirects => write!(f, "the page says more than {REDIRECTS} times that it is elsewhere"),
            Self::Status(status) => write!(f, "the page answers with status {status}"),
            Self::NoText(kind) => write!(f, "it is `{kind}`, and no text"),
            Self::Connection(why) => write!(f, "it cannot be reached: {why}"),
        }
    }
}

impl std::error::Error for FetchError {}

/// Names to addresses, without those of this machine and its network.
#[derive(Debug)]
struct Outside(DefaultResolver);

impl Resolver for Outside {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        let mut outside = self.empty();
        for address in found.iter().filter(|address| is_outside(address.ip())) {
            outside.push(*address);
        }
        if outside.is_empty() { Err(Error::HostNotFound) } else { Ok(outside) }
    }
}

/// Whether an address is one of the public internet.
fn is_outside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            // Those the standard library has no name for: 0/8, 100.64/10, 192.0.0/24, 198.18/15, 240/4.
            let special = a == 0
                || (a == 100 && (64..128).contains(&b))
                || (a, b, c) == (192, 0, 0)
                || (a == 198 && (18..20).contains(&b))
                || a >= 240;
            !(special
                || ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_broadcast()
                || ip.is_documentation()
                || ip.is_multicast()
                || ip == Ipv4Addr::UNSPECIFIED)
        }
        IpAddr::V6(ip) => {
            if let Some(ip) = ip.to_ipv4_mapped().or_else(|| embedded(ip)) {
                return is_outside(IpAddr::V4(ip));
            }
            // Global unicast is 2000::/3; of that, 2001:db8::/32 is for documentation, and 2001::/23 for protocols.
            let [a, b, ..] = ip.segments();
            (a & 0xE000) == 0x2000 && (a, b) != (0x2001, 0x0DB8) && !(a == 0x2001 && b < 0x0200)
        }
    }
}

/// The address inside one of 6to4 (`2002::/16`) or NAT64 (`64:ff9b::/96`).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = ip.octets();
    match ip.segments() {
        [0x2002, ..] => Some(Ipv4Addr::new(octets[2], octets[3], octets[4], octets[5])),
        [0x64, 0xFF9B, 0, 0, 0, 0, ..] => Some(Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15])),
        _ => None,
    }
}

fn config() -> Config {
    Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent("orch-tools")
        .build()
}

impl Fetch {
    /// A tool for pages of these hosts; `.example.org` stands for `example.org` and all below it.
    #[must_use]
    pub fn from_hosts<H: Into<String>>(hosts: impl IntoIterator<Item = H>) -> Self {
        let agent =
            Agent::with_parts(config(), DefaultConnector::default(), Outside(DefaultResolver::default()));
        Self { hosts: hosts.into_iter().map(|host| host.into().to_ascii_lowercase()).collect(), agent }
    }

    /// The same, where hosts of this machine and its network are allowed too: for tests, and for services of one's own.
    #[must_use]
    pub fn also_inside(self) -> Self {
        Self { agent: config().into(), ..self }
    }

    fn declared() -> Declared<'static> {
        let description =
            "Reads a page of the web by its address. Gives its text as it is, which may be HTML.";
        Declared::new("fetch_page", description, Effect::Reads).timeout(TIMEOUT + Duration::from_secs(5))
    }

    fn allows(&self, host: &str) -> bool {
        self.hosts.iter().any(|allowed| match allowed.strip_prefix('.') {
            Some(domain) => {
                host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
            }
            None => host == allowed,
        })
    }

    /// The page's text.
    fn page(&self, url: &str) -> Result<String, FetchError> {
        let mut uri: Uri = url.trim().parse().map_err(|_| FetchError::NoAddress)?;
        for _ in 0..=REDIRECTS {
            let host = uri.host().unwrap_or_default().to_ascii_lowercase();
            let of_web = matches!(uri.scheme_str(), Some("http" | "https"));
            // A name and password in an address are for somebody else.
            let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
            if !of_web || !plain || host.is_empty() {
                return Err(FetchError::NoAddress);
            }
            if !self.allows(&host) {
                return Err(FetchError::Host { host, allowed: self.hosts.clone() });
            }
            let connection = |error: Error| match error {
                Error::HostNotFound => {
                    FetchError::Connection("there is no such host outside this network".to_owned())
                }
                error => FetchError::Connection(error.to_string()),
            };
            let mut response = self.agent.get(&uri).call().map_err(connection)?;
            let status = response.status().as_u16();
            let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
            if let (301..=303 | 307 | 308, Some(location)) = (status, header("location")) {
                uri = joined(&uri, location).ok_or(FetchError::NoAddress)?;
                continue;
            }
            if status != 200 {
                return Err(FetchError::Status(status));
            }
            let kind = header("content-type").unwrap_or("text/plain").to_ascii_lowercase();
            if !["text/", "json", "xml"].iter().any(|text| kind.contains(text)) {
                return Err(FetchError::NoText(kind));
            }
            let body = response.body_mut().with_config().limit(MAX_BYTES).lossy_utf8(true).read_to_string();
            return body.map_err(|error| match error {
                Error::BodyExceedsLimit(limit) => {
                    FetchError::Connection(format!("it is larger than {limit} bytes"))
                }
                error => FetchError::Connection(error.to_string()),
            });
        }
        Err(FetchError::Redirects)
    }
}

/// Where a redirect leads: an address, or a path on the same host.
fn joined(from: &Uri, location: &str) -> Option<Uri> {
    if location.starts_with('/') && !location.starts_with("//") {
        let (scheme, authority) = (from.scheme_str()?, from.authority()?);
        return format!("{scheme}://{authority}{location}").parse().ok();
    }
    location.parse().ok()
}

impl Tools for Fetch {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![Self::declared().spec::<Page>()]
    }

    fn effect(&self, tool: &str) -> Option<Effect> {
        (tool == "fetch_page").then_some(Effect::Reads)
    }

    async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
        let work = async |Page { url }| {
            let this = self.clone();
            let fetched = match tokio::runtime::Handle::try_current() {
                Ok(runtime) => runtime.spawn_blocking(move || this.page(&url)).await?,
                Err(_) => this.page(&url),
            };
            orch_core::Ok(fetched?)
        };
        Self::declared().call(call, work).await
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_is_known() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::a00:1",
            "2001:db8::1",
            "ff02::1",
        ] {
            assert!(!is_outside(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101"] {
            assert!(is_outside(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn hosts_are_those_of_the_list() {
        let fetch = Fetch::from_hosts(["example.org", ".docs.rs"]);
        assert!(["example.org", "docs.rs", "a.docs.rs"].iter().all(|host| fetch.allows(host)));
        assert!(
            ["www.example.org", "evildocs.rs", "example.org.evil.net", ""]
                .iter()
                .all(|host| !fetch.allows(host))
        );
    }
}
