//! Which model does which kind of task.

use crate::error::{Error, Kind, Result};

/// A kind of task a model can be chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Task {
    /// One label out of several.
    Classification,
    /// Free text.
    Generation,
    /// Vectors of texts.
    Embedding,
    /// A shorter text.
    Summarisation,
    /// The same text in another language.
    Translation,
    /// A mood.
    Sentiment,
}

/// Which model each task gets, and which one all others do.
///
/// ```
/// use orch_core::router::{Task, TaskTable};
///
/// let table = TaskTable::new("large").with(Task::Sentiment, "small").with(Task::Classification, "small");
/// let chosen = table.choose(Task::Sentiment);
/// assert_eq!((*chosen.model, chosen.by_default), ("small", false));
/// assert!(table.choose(Task::Translation).by_default);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskTable<M> {
    default: M,
    models: Vec<(Task, M)>,
}

/// The model a task got: what to report as the model used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChosenModel<'a, M> {
    /// The task.
    pub task: Task,
    /// The model.
    pub model: &'a M,
    /// Whether the table has nothing of the task, so that the default does it.
    pub by_default: bool,
}

impl<M> TaskTable<M> {
    /// A table in which every task gets `default`.
    pub fn new(default: M) -> Self {
        Self { default, models: Vec::new() }
    }

    /// The same, where `task` gets `model`.
    #[must_use]
    pub fn with(mut self, task: Task, model: M) -> Self {
        self.models.retain(|(known, _)| *known != task);
        self.models.push((task, model));
        self
    }

    /// The model for a task.
    pub fn choose(&self, task: Task) -> ChosenModel<'_, M> {
        let found = self.models.iter().find(|(known, _)| *known == task);
        ChosenModel {
            task,
            model: found.map_or(&self.default, |(_, model)| model),
            by_default: found.is_none(),
        }
    }

    /// Turns names into models, all or none.
    ///
    /// # Errors
    ///
    /// When `find` does not know a name: the error says which task wants it.
    ///
    /// ```
    /// use orch_core::router::{Task, TaskTable};
    ///
    /// let table = TaskTable::new("large").with(Task::Sentiment, "tiny");
    /// let models = table.resolve(|name| ["small", "large"].iter().position(|known| known == name));
    /// assert!(models.unwrap_err().to_string().contains("Sentiment wants the model `tiny`"));
    /// ```
    pub fn resolve<T>(&self, find: impl Fn(&M) -> Option<T>) -> Result<TaskTable<T>>
    where
        M: std::fmt::Display,
    {
        let unknown = |who: String, model: &M| {
            Error::with(Kind::Router, format!("{who} wants the model `{model}`, and there is none"))
        };
        let default = find(&self.default).ok_or_else(|| unknown("the default".to_owned(), &self.default))?;
        let models = self
            .models
            .iter()
            .map(|(task, model)| Ok((*task, find(model).ok_or_else(|| unknown(format!("{task:?}"), model))?)))
            .collect::<Result<_>>()?;
        Ok(TaskTable { default, models })
    }
}
