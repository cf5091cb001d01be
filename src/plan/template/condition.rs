//! Conditions: expressions that hold or do not.

use super::operators::{AskedFor, holds};
use super::{Escape, RenderError, Template, TemplateError, TemplateSet, Variables};

/// A condition of `if` and `until`: a template expression.
#[derive(Debug, Clone)]
pub struct Condition {
    /// A template that renders the expression; `true` decides. See [`Condition::holds`].
    pub template: Template,
    /// As the user wrote it.
    pub text: String,
}

impl Condition {
    /// Compiles the expression of an `if` or `until`, written without braces.
    ///
    /// # Errors
    /// Where it is malformed or names something unknown.
    pub fn compile(text: &str, names: &TemplateSet) -> Result<Self, TemplateError> {
        let piece = names.expression(text, 0..text.len(), (Escape::None, AskedFor::Truth))?;
        Ok(Self { template: Template { pieces: vec![piece] }, text: text.to_owned() })
    }

    /// Whether the condition holds for the values of `variables`.
    ///
    /// # Errors
    /// Where the expression cannot be evaluated with these values.
    pub fn holds(&self, variables: &mut dyn Variables) -> Result<bool, RenderError> {
        Ok(holds(&self.template.value(variables)?))
    }
}
