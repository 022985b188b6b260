//! Answers from the help articles: one is found by its words, and a model answers from it.

use orch_core::model::ChatModel;
use orch_core::{Result, prompt};

use crate::articles::{Article, Articles};
use crate::desk::Ticket;
use crate::handlers::{Draft, person};

/// Tokens of an answer, at most.
const MAX_TOKENS: u32 = 80;

/// Answers from the help article that fits. Where none does, a person answers: that nothing was found is an outcome. What
/// the model makes up does not leave: the article's own words do.
///
/// # Errors
///
/// When the model fails.
pub async fn help<M: ChatModel>(model: &M, articles: &Articles, ticket: &Ticket) -> Result<Draft> {
    let Some(article) = articles.find(&ticket.text) else { return person(ticket).await };
    let Article { title, text } = article;
    let answer = write(model, article, ticket).await?;
    let answer = if article.carries(&answer).await? { answer } else { text.to_owned() };
    Ok(Draft { text: format!("{answer} (From our help: {title}.)"), article: Some(article) })
}

async fn write<M: ChatModel>(model: &M, article: Article, ticket: &Ticket) -> Result<String> {
    let (Article { title, text }, question) = (article, &ticket.text);
    let request = prompt!(
        system = "You answer customers. Say only what the help article says, in its words.\n{title}: {text}",
        user = "{question}",
    );
    let reply = model.chat(&request.max_tokens(MAX_TOKENS).temperature(0.0)).await?;
    Ok(reply.text.trim().to_owned())
}
