//! What expressions see: data rows, captured values, and a source of chance.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use minijinja::Value;
use minijinja::value::Object;
use rand_pcg::Pcg64Mcg;

use super::TemplateNames;
use crate::value::{reckoned, with_members};
use plimsoll_units::RunTime;
#[cfg(test)]
use plimsoll_units::{RandomStream, Seed};

/// A snapshot of a user's variables. Made only for expressions; plain names are looked up directly.
#[derive(Debug, Clone)]
pub struct TemplateScope {
    names: Arc<TemplateNames>,
    values: ScopeValues,
    chance: Arc<Mutex<Pcg64Mcg>>,
    /// The numbers that its request has drawn, where it may be sent again.
    numbers: Option<DrawnNumbers>,
    /// Whether numbers are as they came, which only texts can be made of.
    as_written: bool,
}

/// The numbers that a request has drawn from `seq()`. Who sends it again draws them once more, in their order.
#[derive(Debug, Clone, Default)]
pub struct DrawnNumbers(Arc<Mutex<NumbersInOrder>>);

#[derive(Debug, Default)]
struct NumbersInOrder {
    drawn: Vec<u64>,
    /// How many of them were asked for by this attempt.
    asked: usize,
}

impl DrawnNumbers {
    /// Begins again with the first number.
    pub fn rewind(&self) {
        self.with(|numbers| numbers.asked = 0);
    }

    fn number(&self, next: impl FnOnce() -> u64) -> u64 {
        self.with(|numbers| {
            if numbers.asked == numbers.drawn.len() {
                numbers.drawn.push(next());
            }
            numbers.asked += 1;
            numbers.drawn[numbers.asked - 1]
        })
    }

    fn with<T>(&self, use_them: impl FnOnce(&mut NumbersInOrder) -> T) -> T {
        match self.0.lock() {
            Ok(mut numbers) => use_them(&mut numbers),
            Err(poisoned) => use_them(&mut poisoned.into_inner()),
        }
    }
}

/// The values of a user's variables at one moment.
#[derive(Debug, Clone)]
pub struct ScopeValues {
    /// Captured values, by slot.
    pub slots: Vec<Option<Value>>,
    /// One row a data set; empty where none is picked yet.
    pub rows: Vec<Vec<Value>>,
    /// The user's number, from 1.
    pub vu: u64,
    /// The number of the iteration.
    pub iteration: u64,
    /// When it is, by the run's clock.
    pub now: RunTime,
}

impl TemplateScope {
    /// A snapshot. `chance` goes on where the user's own draws stand, so repeating a run repeats it.
    pub fn new(names: Arc<TemplateNames>, values: ScopeValues, chance: Pcg64Mcg) -> Self {
        let chance = Arc::new(Mutex::new(chance));
        Self { names, values, chance, numbers: None, as_written: false }
    }

    /// The same for a request that draws the same numbers each time it is sent.
    #[must_use]
    pub fn drawing(self, numbers: Option<DrawnNumbers>) -> Self {
        Self { numbers, ..self }
    }

    /// The next number of `seq()`: one that was drawn before, or that which `next` gives.
    pub(super) fn number(&self, next: impl FnOnce() -> u64) -> u64 {
        match &self.numbers {
            Some(numbers) => numbers.number(next),
            None => next(),
        }
    }

    /// The same, in which numbers are as they came or as expressions reckon with them.
    #[must_use]
    pub(super) fn seen(self, as_written: bool) -> Self {
        Self { as_written, ..self }
    }

    fn view(&self, value: Value) -> Value {
        if self.as_written { with_members(value) } else { reckoned(value) }
    }

    /// When it was made, by the run's clock.
    pub(super) const fn now(&self) -> RunTime {
        self.values.now
    }

    /// The generator after all draws of the expression.
    pub fn chance(&self) -> Pcg64Mcg {
        self.chance.lock().map_or_else(|poisoned| poisoned.into_inner().clone(), |c| c.clone())
    }

    /// Draws with the snapshot's generator.
    pub(super) fn draw<T>(&self, draw: impl FnOnce(&mut Pcg64Mcg) -> T) -> T {
        match self.chance.lock() {
            Ok(mut chance) => draw(&mut chance),
            Err(poisoned) => draw(&mut poisoned.into_inner()),
        }
    }

    #[cfg(test)]
    pub(super) fn for_tests(names: &TemplateNames, slots: Vec<Option<Value>>) -> Self {
        let rows = vec![vec![Value::from("GRU"), Value::from(7)]];
        let chance = Seed::new(1).stream(RandomStream::Iteration, 0);
        let values = ScopeValues { slots, rows, vu: 1, iteration: 1, now: RunTime::ZERO };
        Self::new(Arc::new(names.clone()), values, chance)
    }
}

/// The name under which template functions find the scope itself. Not a name a user can write.
pub(super) const SELF: &str = "\u{0}scope";

impl Object for TemplateScope {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            SELF => return Some(Value::from_dyn_object(self.clone())),
            "vu" => return Some(Value::from(self.values.vu)),
            "iteration" => return Some(Value::from(self.values.iteration)),
            _ => {}
        }
        if let Some(slot) = self.names.slots.get(key) {
            return self
                .values
                .slots
                .get(slot.0 as usize)
                .cloned()
                .flatten()
                .map(|value| self.view(value));
        }
        let (position, columns) = self.names.datasets.get(key)?;
        let row = self.values.rows.get(*position as usize)?;
        let cells: BTreeMap<String, Value> =
            columns.iter().cloned().zip(row.iter().map(|value| self.view(value.clone()))).collect();
        Some(Value::from(cells))
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }
}
