//! What the desk knows: help articles, found by their words.

use orch_core::Result;
use orch_core::guard::{Checked, Grounded, Guard as _};
use orch_core::retrieve::Bm25;

/// A help article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Article {
    /// What it is about.
    pub title: &'static str,
    /// What it says.
    pub text: &'static str,
}

impl Article {
    /// Whether the article says what an answer says.
    ///
    /// # Errors
    ///
    /// When the guard cannot tell.
    pub async fn carries(&self, answer: &str) -> Result<bool> {
        let guard = Grounded::in_sources([self.text, self.title, "From our help"]);
        Ok(guard.check(answer).await? == Checked::Passed)
    }
}

const ALL: [Article; 14] = [
    Article {
        title: "A device does not connect",
        text: "Hold the button for ten seconds until the light blinks, then pair the device again in the app. Bluetooth and \
               location must be on while you do.",
    },
    Article {
        title: "The camera's picture is black",
        text: "Take the cover off the camera and switch its privacy mode off in the app. If the picture stays black while the \
               light is green, unplug the camera for a minute.",
    },
    Article {
        title: "An update does not finish",
        text: "Firmware updates need a battery above half and a wifi connection. Leave the app open; an update that stops goes \
               on when you open it again.",
    },
    Article {
        title: "The app crashes or shows an error",
        text: "Close the app, install its newest version and start the phone again. An error that begins with E and a number \
               is explained under Help, Errors.",
    },
    Article {
        title: "Signing in",
        text: "Use \"Forgot password\" on the sign-in page to log in again; the link in the reset mail is good for one hour. Look \
               in the spam folder if the mail does not arrive.",
    },
    Article {
        title: "Two-factor codes",
        text: "Codes come from your authenticator app. If you have a new phone, use one of the recovery codes you were given, \
               or ask us to switch two-factor off.",
    },
    Article {
        title: "Sharing a home with others",
        text: "Invite others under Home, Members. An owner may do everything, a guest only use devices.",
    },
    Article {
        title: "Changing the cloud plan",
        text: "You can change or cancel the cloud plan any time under Account, Plan; the monthly plan runs to the end of the \
               month, the yearly one to the end of the year.",
    },
    Article {
        title: "What the cloud plan includes",
        text: "The cloud plan keeps recordings for 30 days and has alerts for persons and parcels. Without it recordings stay \
               on the memory card.",
    },
    Article {
        title: "The free trial",
        text: "The free trial of the cloud plan lasts 14 days. It ends by itself, and nothing is charged.",
    },
    Article {
        title: "What works with what",
        text: "Each product page lists what it is compatible with. The hub connects everything we sell, and works with Matter, \
               Zigbee and Thread.",
    },
    Article {
        title: "Thermostats and heating",
        text: "The thermostat works with gas boilers, heat pumps and underfloor heating with 230 volt valves. It does not work \
               with district heating.",
    },
    Article {
        title: "Batteries",
        text: "Cameras last about four months on a charge, sensors two years on a battery. Rechargeable batteries work in \
               sensors, and last about a year.",
    },
    Article {
        title: "Doors and locks",
        text: "The lock fits doors from 35 to 75 millimetres with a European cylinder. It opens from inside without power.",
    },
];

/// Words of a question an article must share with it beyond the most frequent, as BM25 counts them.
const LEAST: f64 = 4.0;

/// The articles, ready to be searched.
#[derive(Debug)]
pub struct Articles {
    words: Bm25,
}

impl Default for Articles {
    fn default() -> Self {
        let mut words = Bm25::new();
        for (number, article) in (0_u64..).zip(ALL) {
            words.add(number, &format!("{} {} {}", article.title, article.title, article.text));
        }
        Self { words }
    }
}

impl Articles {
    /// The article that fits a question best; `None` when none does.
    #[must_use]
    pub fn find(&self, question: &str) -> Option<Article> {
        let (number, score) = self.words.search(question, 1).into_iter().next()?;
        ALL.get(usize::try_from(number).ok()?).copied().filter(|_| score >= LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_found_and_what_nothing_fits_is_not() {
        let articles = Articles::default();
        let title = |question: &str| articles.find(question).map(|article| article.title);
        assert_eq!(title("My camera shows a black picture"), Some("The camera's picture is black"));
        assert_eq!(title("how do i cancel the monthly plan"), Some("Changing the cloud plan"));
        assert_eq!(
            title("Will the thermostat work with underfloor heating?"),
            Some("Thermostats and heating")
        );
        assert_eq!(title("Can you recommend a recipe for lentil soup?"), None);
    }
}
