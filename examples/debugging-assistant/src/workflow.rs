//! The workflow: the kind of fault, then what that kind needs.

use orch_core::model::ChatModel;
use orch_core::router::Router;
use orch_core::{Result, route, workflow};

use crate::advice::{Answer, introduction};
use crate::cases::Cases;
use crate::fault::Fault;
use crate::logic::recall;
use crate::runtime::runtime;
use crate::syntax::syntax;

workflow!(
    /// Helps with an error message.
    pub async fn assist<R: Router<Route = Fault>, M: ChatModel>(
        router: &R,
        model: &M,
        cases: &Cases,
        question: &str,
    ) -> Result<Answer> {
        let fault = router.decide(question).await?;
        let advice = route!(match fault {
            Fault::Syntax => syntax(question),
            Fault::Runtime => runtime(model, question),
            #[flow]
            Fault::Logic => recall(model, cases, question),
            Fault::Other => introduction(),
        })
        .await?;
        Ok(Answer { fault: fault.route, confidence: fault.confidence, decided_by: fault.decided_by, advice })
    }
);
