//! The workflows: one referral as it comes in, and many of them.

use orch_core::model::ChatModel;
use orch_core::router::Router;
use orch_core::{Result, fan_out, route, workflow};

use crate::on_call::{OnCall, ask, clear, is_clear};
use crate::referral::{Note, Referral};
use crate::specialty::Specialty;
use crate::synthesis::synthesis;
use crate::tables::{Background, contraindications, history, labs};
use crate::validation::validate;

workflow!(
    /// Finds a specialist for a referral and writes them a note.
    pub async fn refer<R: Router<Route = Specialty>, M: ChatModel>(
        router: &R,
        model: &M,
        on_call: &OnCall,
        referral: &Referral,
    ) -> Result<Note> {
        #[name("specialist")]
        let specialist = router.decide(&referral.text).await?;
        // These three look things up at the same time.
        let history = history(&referral.patient, specialist.route).await?;
        let labs = labs(&referral.patient, specialist.route).await?;
        let contraindications = contraindications(&referral.patient, specialist.route).await?;
        let background = Background { history, labs, contraindications };
        let text = synthesis(model, specialist.route, referral, &background).await?;
        let validation = validate(referral, &background, &text).await?;
        let release = route!(match is_clear(&background, &validation) {
            true => clear(),
            false => ask(on_call, referral, &background, &validation, &text),
        })
        .await?;
        Ok(Note {
            specialty: specialist.route,
            confidence: specialist.confidence,
            decided_by: specialist.decided_by,
            background,
            text,
            validation,
            release,
        })
    }
);

workflow!(
    /// Refers many, four at the same time. One that fails takes none of the others with it.
    pub async fn refer_all<R: Router<Route = Specialty>, M: ChatModel>(
        router: &R,
        model: &M,
        on_call: &OnCall,
        referrals: &[Referral],
    ) -> Result<Vec<Result<Note>>> {
        let notes = fan_out!(for referral in referrals {
            #[flow]
            refer(router, model, on_call, referral)
        })
        .concurrency(4)
        .settle()
        .await;
        Ok(notes)
    }
);
