//! What templates know of a user.

use minijinja::Value;
use rand_pcg::Pcg64Mcg;

use plimsoll_plan::{
    CaptureSlot, DrawnNumbers, RenderError, ScopeValues, TemplateScope, Variables,
};

use super::User;

impl Variables for User {
    fn slot(&self, slot: CaptureSlot) -> Option<&Value> {
        self.slots[slot.0 as usize].as_ref()
    }

    fn deal(&mut self, dataset: u16) -> Result<(), RenderError> {
        let picked = &mut self.picked[dataset as usize];
        if picked.is_none() {
            *picked = self.rows.pick(dataset as usize, self.arrival.index, self.number);
        }
        picked.map(|_| ()).ok_or(RenderError::UsedUp(dataset))
    }

    fn cell(&self, dataset: u16, column: u16) -> Option<&Value> {
        let row = self.picked[dataset as usize]? as usize;
        self.plan.data[dataset as usize].rows.get(row)?.get(column as usize)
    }

    fn scope(&self) -> TemplateScope {
        let rows = self
            .picked
            .iter()
            .zip(self.plan.data.iter())
            .map(|(row, dataset)| {
                let row = row.and_then(|row| dataset.rows.get(row as usize));
                row.map_or_else(Vec::new, |row| row.to_vec())
            })
            .collect();
        let slots = self.slots.to_vec();
        let (vu, iteration, now) = (self.number + 1, self.iteration, self.now);
        let values = ScopeValues { slots, rows, vu, iteration, now };
        let numbers = self.attempts.as_ref().map(|attempts| &attempts.numbers);
        let numbers = numbers.map(|numbers| numbers.get_or_init(DrawnNumbers::default).clone());
        TemplateScope::new(self.names.clone(), values, self.chance.clone()).drawing(numbers)
    }

    fn set_chance(&mut self, chance: Pcg64Mcg) {
        self.chance = chance;
    }
}
