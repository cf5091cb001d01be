//! Templates with values in their places.

use std::sync::Arc;

use minijinja::value::ValueKind;
use minijinja::{ErrorKind, Value};

use super::escape::write_value;
use super::{CompiledExpression, RenderError, Template, TemplatePiece, Variables, plain};
use crate::value::{kept_member, reckoned, with_members};

impl Template {
    /// Goes on with parameters behind a URL, which may have some.
    pub fn push_query_joint(&mut self) {
        let Some(url) = self.as_constant() else {
            return self.pieces.push(TemplatePiece::QueryJoint);
        };
        let mut joined = url.to_vec();
        join_query(&mut joined);
        *self = Self::constant(joined);
    }

    /// Appends the rendered text to `out`.
    ///
    /// # Errors
    /// Where a value is missing or an expression fails. `out` may then hold a part of the text.
    pub fn render(
        &self,
        variables: &mut dyn Variables,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        for piece in &self.pieces {
            match piece {
                TemplatePiece::Literal(text) => out.extend_from_slice(text),
                TemplatePiece::Slot(slot, escape) => {
                    let value = variables.slot(*slot).ok_or(RenderError::Missing(*slot))?;
                    write_value(value, *escape, out);
                }
                TemplatePiece::Cell(dataset, column, escape) => {
                    variables.deal(*dataset)?;
                    if let Some(value) = variables.cell(*dataset, *column) {
                        write_value(value, *escape, out);
                    }
                }
                TemplatePiece::Expression(expression, escape) => {
                    let value = evaluate(expression, variables)?;
                    // A row may lack a field that others have; what an answer lacks was meant to be there.
                    if value.is_undefined() && expression.datasets.is_empty() {
                        return Err(expression.lacks_value());
                    }
                    write_value(&value, *escape, out);
                }
                TemplatePiece::QueryJoint => join_query(out),
            }
        }
        Ok(())
    }

    /// The items of the list that a template gives, as they came; none where it gives no list.
    ///
    /// # Errors
    /// Where a value is missing or an expression fails.
    pub fn items(&self, variables: &mut dyn Variables) -> Result<Option<Vec<Value>>, RenderError> {
        let list = match self.pieces.as_slice() {
            [TemplatePiece::Slot(slot, _)] => {
                let value = variables.slot(*slot).cloned();
                value.map(with_members).ok_or(RenderError::Missing(*slot))?
            }
            [TemplatePiece::Cell(dataset, column, _)] => {
                variables.deal(*dataset)?;
                let value = variables.cell(*dataset, *column).cloned();
                value.map(with_members).unwrap_or_default()
            }
            [TemplatePiece::Expression(expression, _)] => evaluate(expression, variables)?,
            _ => return Ok(None),
        };
        Ok(match list.kind() {
            ValueKind::Seq | ValueKind::Iterable => {
                list.try_iter().ok().map(|items| items.map(kept_member).collect())
            }
            _ => None,
        })
    }

    /// The value of a template that is a single expression; a text otherwise.
    ///
    /// # Errors
    /// Where a value is missing or an expression fails.
    pub fn value(&self, variables: &mut dyn Variables) -> Result<Value, RenderError> {
        match self.pieces.as_slice() {
            [TemplatePiece::Slot(slot, _)] => {
                let value = variables.slot(*slot).cloned();
                value.map(reckoned).ok_or(RenderError::Missing(*slot))
            }
            [TemplatePiece::Cell(dataset, column, _)] => {
                variables.deal(*dataset)?;
                let value = variables.cell(*dataset, *column).cloned();
                Ok(value.map(reckoned).unwrap_or_default())
            }
            [TemplatePiece::Expression(expression, _)] => {
                evaluate(expression, variables).map(reckoned)
            }
            _ => {
                let mut text = Vec::new();
                self.render(variables, &mut text)?;
                Ok(Value::from(String::from_utf8_lossy(&text).into_owned()))
            }
        }
    }
}

/// Makes a URL ready for further parameters. A fragment is never sent.
fn join_query(url: &mut Vec<u8>) {
    url.truncate(url.iter().position(|byte| *byte == b'#').unwrap_or(url.len()));
    match url.last() {
        Some(b'?' | b'&') if url.contains(&b'?') => {}
        _ => url.push(if url.contains(&b'?') { b'&' } else { b'?' }),
    }
}

impl CompiledExpression {
    /// What is asked for is in no answer.
    fn lacks_value(&self) -> RenderError {
        RenderError::Answer(format!("`{}` has no value", self.written))
    }
}

fn evaluate(
    compiled: &CompiledExpression,
    variables: &mut dyn Variables,
) -> Result<Value, RenderError> {
    compiled.datasets.iter().try_for_each(|dataset| variables.deal(*dataset))?;
    let scope = Arc::new(variables.scope().seen(compiled.looks_up));
    let value = compiled.expression.eval(Value::from_dyn_object(scope.clone()));
    variables.set_chance(scope.chance());
    value.map_err(|error| match error.kind() {
        ErrorKind::UndefinedError if compiled.datasets.is_empty() => compiled.lacks_value(),
        _ => RenderError::Expression(plain(&error)),
    })
}
