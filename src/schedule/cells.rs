//! Poisson arrivals by halving: a stage's count is given, and so is, by chance, each half's part of it.
//!
//! Given how many arrivals of a Poisson process fall into a stretch, they stand there independently of each other and
//! uniformly in Λ (Kingman, *Poisson Processes*, 1993, §2.4). So the count of a stage is dealt to its halves by a
//! binomial draw, and theirs to their halves, down to cells of a millisecond, in which arrivals are placed one by one.
//! Each draw follows from the seed and its place in this tree alone: any cell can be reached without walking all
//! before it, and whoever asks finds the same.

use super::arrival::Arrival;
use super::binomial::halve;
use super::deal::Deal;
use super::intensity;
use plimsoll_plan::Stage;
use plimsoll_units::{Nanos, RandomStream, RunTime, Seed};

/// The longest that a cell lasts in a stage that holds its rate.
const CELL: Nanos = Nanos::from_millis(1);
/// About as many arrivals as a cell holds at the most, so that opening one takes little time and memory at any rate.
const CELL_ARRIVALS: u64 = 4_096;
/// So many stretches are divided to count what was not walked; beyond, a stretch is dealt as a whole.
const DIVIDED: u32 = 100_000;
/// The deepest tree: cells of a millisecond in 34 years.
const LEVELS_MAX: u32 = 40;
/// Where the draws of times begin among those of a cell; below are the nodes of its marks.
const TIMES: u64 = 1 << 63;

/// A stage with its count of arrivals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) stage: Stage,
    pub(super) start: RunTime,
    /// The number of its first arrival among all of the run.
    pub(super) first: u64,
    pub(super) count: u64,
    /// Later arrivals are left out: another stage has taken its place.
    until: RunTime,
    seed: Seed,
}

impl Counted {
    /// `stage` from `start` on, with `count` arrivals.
    pub(super) fn new(
        stage: Stage,
        start: RunTime,
        (first, count): (u64, u64),
        seed: Seed,
    ) -> Self {
        let seed = seed.derive(RandomStream::Arrivals, start.get());
        Self { stage, start, first, count, until: RunTime::NEVER, seed }
    }

    /// Where the next stage begins.
    pub(super) fn end(&self) -> RunTime {
        (self.start + self.stage.duration).min(self.until)
    }

    /// The number of the first arrival that can stand behind `at`.
    pub(super) fn first_behind(&self, at: RunTime) -> u64 {
        // One cell more, because a time is rounded on the way to its cell.
        let cell = (self.cell_at(at) + 2).min(1 << self.levels());
        Cells::from_cell(self, cell).next_index
    }

    /// Ends it at `at`.
    pub(super) const fn cut(&mut self, at: RunTime) {
        self.until = at;
    }

    /// How many of its arrivals come before `at`.
    pub(super) fn count_before(&self, at: RunTime) -> u64 {
        if self.until == RunTime::NEVER && self.end() <= at {
            return self.count;
        }
        // The last moment of a stage that was cut is still its own.
        let at = at.min(self.until + Nanos::new(1));
        let mut cells = Cells::from_cell(self, self.cell_at(at).saturating_sub(1));
        let mut count = cells.next_index - self.first;
        while let Some(cell) = cells.next(self) {
            if cell.start(self) >= at {
                break;
            }
            let is_before = |&number: &u64| cell.time(self, number) < at;
            count += (0..cell.count).filter(is_before).count() as u64;
        }
        count
    }

    /// The depth of its tree.
    fn levels(&self) -> u32 {
        let by_time = self.stage.duration.get().div_ceil(CELL.get());
        let cells = by_time.max(self.count / CELL_ARRIVALS).max(1);
        cells.next_power_of_two().trailing_zeros().min(LEVELS_MAX)
    }

    /// The cell of `at`, or a neighbour.
    fn cell_at(&self, at: RunTime) -> u64 {
        let cells = 1_u64 << self.levels();
        let share = intensity::share_at(&self.stage, at.since(self.start));
        ((share * cells as f64) as u64).min(cells - 1)
    }
}

/// A stretch of a stage with the same expected number of arrivals as any other of it.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// Where it begins, as a share of the stage in units of 2⁻⁶⁴.
    share: u64,
    /// Its depth in the tree.
    levels: u32,
    /// The number of its first arrival among all of the run.
    first: u64,
    count: u64,
    seed: Seed,
}

impl Cell {
    fn start(&self, of: &Counted) -> RunTime {
        of.start + intensity::time_of_share(&of.stage, self.share)
    }

    /// When its `number`-th arrival comes; they are in the order of their marks, which tells nothing of their times.
    fn time(&self, of: &Counted, number: u64) -> RunTime {
        let within = self.seed.bits(TIMES | number);
        // All of it where there is but one cell.
        let share = self.share | within.checked_shr(self.levels).unwrap_or(0);
        of.start + intensity::time_of_share(&of.stage, share)
    }
}

/// Yields the cells of a stage that hold arrivals, in order.
#[derive(Debug, Clone)]
struct Cells {
    levels: u32,
    /// Nodes of the tree that are still to be visited, the next one on top, each with its count. Node 1 is the root;
    /// the halves of node n are 2n and 2n + 1.
    waiting: Vec<(u64, u64)>,
    /// The number of the first arrival of what is still to come.
    next_index: u64,
}

impl Cells {
    fn new(of: &Counted) -> Self {
        let levels = of.levels();
        let mut waiting = Vec::with_capacity(levels as usize + 1);
        waiting.push((1, of.count));
        Self { levels, waiting, next_index: of.first }
    }

    /// The cells from the `cell`-th on.
    fn from_cell(of: &Counted, cell: u64) -> Self {
        let mut cells = Self::new(of);
        let leaf = (1 << cells.levels) + cell;
        while let Some((node, count)) = cells.waiting.pop() {
            let depth = node.ilog2();
            // Where its last leaf stands before the one that is wanted, it is passed over.
            let last = ((node + 1) << (cells.levels - depth)) - 1;
            if last < leaf {
                cells.next_index += count;
            } else if node << (cells.levels - depth) >= leaf {
                cells.waiting.push((node, count));
                break;
            } else {
                cells.divide(of, (node, count));
            }
        }
        cells
    }

    fn divide(&mut self, of: &Counted, (node, count): (u64, u64)) {
        let lower = halve(count, of.seed, node);
        self.waiting.push((2 * node + 1, count - lower));
        self.waiting.push((2 * node, lower));
    }

    /// How many arrivals of ours are still to come.
    fn rest(mut self, of: &Counted, deal: &Deal) -> u64 {
        let (mut count, mut divided) = (0, 0);
        while let Some((node, held)) = self.waiting.pop() {
            let depth = node.ilog2();
            let cell = Cell {
                share: (node - (1 << depth)).checked_shl(64 - depth).unwrap_or(0),
                levels: depth,
                first: 0,
                count: held,
                seed: Seed::new(of.seed.bits(node)).derive(RandomStream::Deal, 0),
            };
            let length = 1_u64.checked_shl(64 - depth).unwrap_or(u64::MAX);
            let end =
                of.start + intensity::time_of_share(&of.stage, cell.share.saturating_add(length));
            let is_cut = end > of.until;
            if held == 0 || cell.start(of) > of.until {
                continue;
            }
            if depth < self.levels && (is_cut || divided < DIVIDED) {
                divided += 1;
                self.divide(of, (node, held));
                continue;
            }
            let (from, until) = deal.range(cell.seed, held);
            let comes = |&number: &u64| cell.time(of, number) <= of.until;
            let ours = from..until;
            count += if is_cut { ours.filter(comes).count() as u64 } else { until - from };
        }
        count
    }

    fn next(&mut self, of: &Counted) -> Option<Cell> {
        while let Some((node, count)) = self.waiting.pop() {
            if count == 0 {
                continue;
            }
            if node.ilog2() < self.levels {
                self.divide(of, (node, count));
                continue;
            }
            let first = self.next_index;
            self.next_index += count;
            let cell = node - (1 << self.levels);
            return Some(Cell {
                share: cell.checked_shl(64 - self.levels).unwrap_or(0),
                levels: self.levels,
                first,
                count,
                seed: Seed::new(of.seed.bits(node)).derive(RandomStream::Deal, 0),
            });
        }
        None
    }
}

/// The arrivals of one part in stages that each have a count of their own.
#[derive(Debug, Clone)]
pub(super) struct Poisson {
    stages: Vec<Counted>,
    /// The one that is being walked.
    stage: usize,
    cells: Option<Cells>,
    /// What the cell that was opened last holds of ours, the next one at the end.
    batch: Vec<(RunTime, u64)>,
}

impl Poisson {
    pub(super) const fn new(stages: Vec<Counted>) -> Self {
        Self { stages, stage: 0, cells: None, batch: vec![] }
    }

    pub(super) fn stages(&self) -> &[Counted] {
        &self.stages
    }

    /// The next arrival, without taking it.
    pub(super) fn peek(&mut self, deal: &Deal) -> Option<Arrival> {
        while self.batch.is_empty() {
            let of = self.stages.get(self.stage)?;
            let cells = self.cells.get_or_insert_with(|| Cells::new(of));
            match cells.next(of) {
                Some(cell) if cell.start(of) <= of.until => fill(&mut self.batch, &cell, of, deal),
                _ => {
                    self.stage += 1;
                    self.cells = None;
                }
            }
        }
        let (intended, index) = *self.batch.last()?;
        let of = self.stages.get(self.stage)?;
        Some(Arrival { index, intended, nth: index - of.first, of: of.count })
    }

    /// Takes the arrival that was looked at.
    pub(super) fn take(&mut self) {
        self.batch.pop();
    }

    /// Passes over all that are still to come. Returns how many of them are ours.
    pub(super) fn pass_over(&mut self, deal: &Deal) -> u64 {
        let mut count = self.batch.drain(..).count() as u64;
        while let Some(of) = self.stages.get(self.stage) {
            count += self.cells.take().unwrap_or_else(|| Cells::new(of)).rest(of, deal);
            self.stage += 1;
        }
        count
    }

    /// Puts others in the place of what stands behind `at` in the `kept`-th stage, and of all later stages.
    pub(super) fn replace(&mut self, at: RunTime, kept: usize, stages: Vec<Counted>) {
        if let Some(stage) = self.stages.get_mut(kept) {
            stage.cut(at);
        }
        self.stages.truncate(kept + 1);
        self.stages.extend(stages);
        if self.stage > kept {
            self.stage = kept + 1;
            self.cells = None;
            self.batch.clear();
        }
        self.batch.retain(|&(intended, _)| intended <= at);
    }
}

/// Opens a cell. It ends with the first arrival, so that taking one is cheap.
fn fill(batch: &mut Vec<(RunTime, u64)>, cell: &Cell, of: &Counted, deal: &Deal) {
    let (from, until) = deal.range(cell.seed, cell.count);
    let arrivals = (from..until).map(|number| (cell.time(of, number), cell.first + number));
    batch.extend(arrivals.filter(|&(intended, _)| intended <= of.until));
    batch.sort_unstable_by(|one, other| other.cmp(one));
}
