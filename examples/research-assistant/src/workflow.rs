//! The workflow: how much a question needs, and that much.

use orch_core::memory::{InMemory, Memory};
use orch_core::model::{ChatModel, Message};
use orch_core::router::Router;
use orch_core::{Result, route, workflow};

use crate::answer::{Answer, Question, out_of_scope};
use crate::comparison::comparison;
use crate::effort::Effort;
use crate::investigation::investigate;
use crate::library::Library;
use crate::lookup::lookup;

/// About so many tokens of what was said before are put before a model.
const REMEMBERED: usize = 60;

workflow!(
    /// Answers a question, and keeps both.
    pub async fn research<R: Router<Route = Effort>, M: ChatModel>(
        router: &R,
        model: &M,
        library: &Library,
        memory: &Memory<InMemory>,
        question: &Question,
    ) -> Result<Answer> {
        let effort = router.decide(&question.text).await?; //                           these two run
        let before = memory.recall(&question.conversation, REMEMBERED).await?; //    at the same time
        let found = route!(match effort {
            Effort::Lookup => lookup(model, library, &before, &question.text),
            Effort::Comparison => comparison(model, library, &question.text),
            #[flow]
            Effort::Investigation => investigate(model, library, &question.text),
            Effort::Other => out_of_scope(),
        })
        .await?;
        let said = [Message::user(&question.text), Message::assistant(&found.text)];
        memory.record(&question.conversation, &said).await?;
        Ok(Answer {
            effort: effort.route,
            confidence: effort.confidence,
            decided_by: effort.decided_by,
            found,
        })
    }
);
