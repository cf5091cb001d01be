//! A user with a browser: plays its flow again and again, and hands on each page that it loaded.

use std::sync::Arc;
use std::time::Duration;

use minijinja::Value;
use rand_pcg::Pcg64Mcg;
use serde_json::json;
use tokio::time::Instant;

use super::error::BrowserError;
use super::figures::{self, DocumentFigures};
use super::page::{BrowserPage, PageArrival};
use super::picture::WorstPages;
use super::process::Browser;
use plimsoll_load::transport::Clock;
use plimsoll_metrics::PageLoad;
use plimsoll_plan::{
    BrowserPlan, CaptureSlot, PageStep, PageWait, Plan, RenderError, ScopeValues, Template,
    TemplateNames, TemplateScope, Variables,
};
use plimsoll_units::{Nanos, RandomStream, RunTime};
use plimsoll_user::{RowPicker, draw_delay};

/// What all users with a browser share.
#[derive(Debug, Clone)]
pub struct VisitContext {
    /// The run.
    pub plan: Arc<Plan>,
    /// Its rows.
    pub rows: Arc<RowPicker>,
    /// The run's clock; none before the first arrival.
    pub clock: Option<Clock>,
    /// Whether time to interactive is asked for: it takes five quiet seconds to know.
    pub waits_for_quiet: bool,
    /// What pages look like at their worst, where the file asks for it.
    pub worst: WorstPages,
}

/// A user with a browser.
#[derive(Debug)]
pub struct BrowserUser {
    shared: VisitContext,
    names: Arc<TemplateNames>,
    plan: BrowserPlan,
    /// Its number among all users of the run.
    number: u64,
    iteration: u64,
    picked: Vec<Option<u32>>,
    chance: Pcg64Mcg,
    /// Kept over iterations by a user that comes back.
    page: Option<BrowserPage>,
}

/// A page that is shown and not yet measured.
#[derive(Clone)]
struct ShownPage {
    name: String,
    at: RunTime,
    /// The latency that is emulated.
    latency: Nanos,
}

/// How long a page is watched for the quiet that time to interactive needs.
const LONGEST_QUIET: Duration = Duration::from_secs(15);
const QUIET: Duration = Duration::from_millis(5_200);

impl BrowserUser {
    /// User `number` of a run, with the browser that `plan` describes.
    pub fn new(shared: VisitContext, plan: BrowserPlan, number: u64) -> Self {
        let names = Arc::new(shared.plan.templates.names().clone());
        let chance = shared.plan.seed.stream(RandomStream::Iteration, u64::MAX - number);
        let picked = vec![None; shared.plan.data.len()];
        Self { shared, names, plan, number, iteration: 0, picked, chance, page: None }
    }

    /// From now on, pages are loaded at times of this clock.
    pub fn begin(&mut self, clock: Clock) {
        self.shared.clock = Some(clock);
    }

    /// Plays the flow once; no step begins behind `until`. Every page that was loaded, or should have been, is handed to `loads`.
    ///
    /// # Errors
    /// Where the browser itself is gone; what is wrong with a page is told by its load.
    pub async fn play(
        &mut self,
        browser: &Browser,
        until: Instant,
        loads: &mut Vec<PageLoad>,
    ) -> Result<(), BrowserError> {
        self.picked.fill(None);
        self.iteration += 1;
        let kept = self.page.take();
        let is_new = kept.is_none();
        let mut page = match kept {
            Some(page) => page,
            None => BrowserPage::open(browser, &self.plan).await?,
        };
        let first_load = loads.len();
        let mut shown: Option<ShownPage> = None;
        let mut result = self.say_headers(&page).await;
        if result.is_ok() && is_new {
            result = self.log_in(&mut page, until).await;
        }
        for step in self.plan.flow.clone() {
            if Instant::now() >= until {
                break;
            }
            if result.is_ok() {
                result = self.step(&step, &mut page, &mut shown, loads).await;
            }
            if let Err(error) = &result {
                if *error != BrowserError::Gone {
                    let name = self.failed_page(&step, shown.take());
                    let failed = figures::failed(&name, self.now(), error.to_string());
                    self.picture(&page, &failed).await;
                    loads.push(failed);
                }
                shown = None;
                break;
            }
        }
        if let Some(shown) = shown {
            loads.push(self.measured(&page, shown).await);
        }
        // Hosts that keep their times to themselves look like those that were not reached.
        for load in loads.iter_mut() {
            load.blocked.retain(|host| !browser.reaches(host));
        }
        // A page that failed may be what is left of a session that has ended: the next flow logs in again.
        let lost = loads[first_load..].iter().any(|load| load.failure.is_some());
        let is_well = result.is_ok() && (!lost || self.plan.login.is_empty());
        if self.plan.is_warm && is_well {
            self.page = Some(page);
        } else {
            page.close().await;
        }
        match result {
            Err(BrowserError::Gone) => Err(BrowserError::Gone),
            _ => Ok(()),
        }
    }

    /// Gives back what a user that comes back keeps.
    pub async fn leave(&mut self) {
        if let Some(page) = self.page.take() {
            page.close().await;
        }
    }

    /// What is done once in a context, before the first flow. Nothing of it is measured; no step begins behind `until`.
    async fn log_in(&mut self, page: &mut BrowserPage, until: Instant) -> Result<(), BrowserError> {
        for step in self.plan.login.clone() {
            if Instant::now() >= until {
                break;
            }
            match self.step(&step, page, &mut None, &mut vec![]).await {
                Ok(()) => {}
                Err(BrowserError::Gone) => return Err(BrowserError::Gone),
                Err(error) => return Err(BrowserError::Login(Box::new(error))),
            }
        }
        Ok(())
    }

    /// The page that has failed where a step does: the one that it leads to, the one that is shown, or the flow's first,
    /// where none has been shown yet.
    fn failed_page(&self, step: &PageStep, shown: Option<ShownPage>) -> String {
        let of_step = step.page().map(str::to_owned).or_else(|| shown.map(|shown| shown.name));
        let first = || self.plan.flow.iter().find_map(PageStep::page).map(str::to_owned);
        of_step.or_else(first).unwrap_or_default()
    }

    async fn step(
        &mut self,
        step: &PageStep,
        page: &mut BrowserPage,
        shown: &mut Option<ShownPage>,
        loads: &mut Vec<PageLoad>,
    ) -> Result<(), BrowserError> {
        let limit: Duration = self.plan.timeout.into();
        match step {
            PageStep::Open { page: name, url, wait } => {
                if let Some(shown) = shown.take() {
                    loads.push(self.measured(page, shown).await);
                }
                let url = self.url(url)?;
                let opened = self.shown(name);
                let begun = Instant::now();
                let arrival = page.navigate(&url, (wait.until, limit)).await?;
                wait_for(page, wait, limit).await?;
                match arrival {
                    PageArrival::Document => *shown = Some(opened),
                    PageArrival::SameDocument => {
                        let took = begun.elapsed().as_secs_f64() * 1e3;
                        loads.push(opened.within_document(Some(took)));
                    }
                }
                Ok(())
            }
            PageStep::Click { selector, page: None, wait } => {
                page.click(selector, limit).await?;
                wait_for(page, wait, limit).await.map(|_| ())
            }
            PageStep::Click { selector, page: Some(name), wait } => {
                let before = shown.take();
                if let Some(shown) = before.clone().filter(|_| self.plan.pictures_worst) {
                    self.picture(page, &measured(page, shown).await).await;
                }
                let opened = self.shown(name);
                let (arrival, left) = page.click_away(selector, (wait.until, limit)).await?;
                loads.extend(left.zip(before).map(|(told, shown)| shown.told(&told)));
                let there = wait_for(page, wait, limit).await?;
                match arrival {
                    PageArrival::Document => *shown = Some(opened),
                    PageArrival::SameDocument => {
                        let took = page.since_click(there).await?;
                        loads.push(opened.within_document(took));
                    }
                }
                Ok(())
            }
            PageStep::Type { selector, text } => {
                let text = self.text(text)?;
                page.type_text(selector, &text, limit).await
            }
            PageStep::Think(law) => {
                let span: Duration = draw_delay(*law, &mut self.chance).into();
                tokio::time::sleep(span).await;
                Ok(())
            }
        }
    }

    /// From now on, requests of the page carry the scenario's headers.
    async fn say_headers(&mut self, page: &BrowserPage) -> Result<(), BrowserError> {
        if self.plan.headers.is_empty() {
            return Ok(());
        }
        let mut headers = serde_json::Map::new();
        for (name, value) in self.plan.headers.clone() {
            headers.insert(name.as_str().to_owned(), self.text(&value)?.into());
        }
        page.call("Network.setExtraHTTPHeaders", json!({"headers": headers})).await.map(|_| ())
    }

    /// What the page that is shown measured, before it is left.
    async fn measured(&self, page: &BrowserPage, shown: ShownPage) -> PageLoad {
        self.quiet(page).await;
        let load = measured(page, shown).await;
        self.picture(page, &load).await;
        load
    }

    /// Pictures a page whose load under load is its worst so far, where somebody asks for it.
    async fn picture(&self, page: &BrowserPage, load: &PageLoad) {
        if self.plan.pictures_worst && self.shared.clock.is_some() {
            self.shared.worst.look(page, load).await;
        }
    }

    /// Stays on a page until its time to interactive is known, where somebody asks for it.
    async fn quiet(&self, page: &BrowserPage) {
        if !self.shared.waits_for_quiet {
            return;
        }
        let begun = Instant::now();
        while begun.elapsed() < LONGEST_QUIET {
            let told = page.figures().await.ok().flatten().and_then(|text| document(&text));
            if told.is_none_or(|told| told.knows_tti()) {
                return;
            }
            tokio::time::sleep(QUIET / 10).await;
        }
    }

    /// A page that is about to be shown.
    fn shown(&self, name: &str) -> ShownPage {
        ShownPage { name: name.to_owned(), at: self.now(), latency: self.plan.network.latency }
    }

    fn now(&self) -> RunTime {
        self.shared.clock.map_or(RunTime::ZERO, Clock::now)
    }

    fn text(&mut self, template: &Template) -> Result<String, BrowserError> {
        let mut text = vec![];
        let rendered = template.render(self, &mut text);
        rendered.map_err(|error| BrowserError::Template(error.to_string()))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The URL of a template: absolute, or below the target.
    fn url(&mut self, template: &Template) -> Result<String, BrowserError> {
        let path = self.text(template)?;
        if path.starts_with("http://") || path.starts_with("https://") {
            return Ok(path);
        }
        Ok(format!("{}{path}", self.shared.plan.target.url()))
    }
}

fn document(text: &str) -> Option<DocumentFigures> {
    serde_json::from_str(text).ok()
}

/// Waits for the element that a step names; the document's time then, in milliseconds.
async fn wait_for(
    page: &BrowserPage,
    wait: &PageWait,
    limit: Duration,
) -> Result<Option<f64>, BrowserError> {
    match &wait.selector {
        Some(selector) => page.wait_for(selector, limit).await.map(Some),
        None => Ok(None),
    }
}

/// What the page that is shown measured.
async fn measured(page: &BrowserPage, shown: ShownPage) -> PageLoad {
    match page.figures().await {
        Ok(Some(text)) => shown.told(&text),
        Ok(None) => shown.failed(&BrowserError::Unreadable),
        Err(error) => shown.failed(&error),
    }
}

impl ShownPage {
    fn told(self, text: &str) -> PageLoad {
        match document(text) {
            Some(told) => told.into_load(&self.name, self.at, self.latency),
            None => self.failed(&BrowserError::Unreadable),
        }
    }

    fn failed(self, error: &BrowserError) -> PageLoad {
        figures::failed(&self.name, self.at, error.to_string())
    }

    /// What a page shows without another document has no figures of a navigation.
    fn within_document(self, took_ms: Option<f64>) -> PageLoad {
        figures::within_document(&self.name, self.at, took_ms)
    }
}

impl Variables for BrowserUser {
    /// What the setup captured; nothing is captured from pages.
    fn slot(&self, slot: CaptureSlot) -> Option<&Value> {
        let given = self.shared.plan.lifecycle.given.iter();
        given.rev().find(|(known, _)| *known == slot).map(|(_, value)| value)
    }

    fn deal(&mut self, dataset: u16) -> Result<(), RenderError> {
        let picked = &mut self.picked[dataset as usize];
        if picked.is_none() {
            let arrival = self.iteration.wrapping_mul(1 << 20).wrapping_add(self.number);
            *picked = self.shared.rows.pick(dataset as usize, arrival, self.number);
        }
        picked.map(|_| ()).ok_or(RenderError::UsedUp(dataset))
    }

    fn cell(&self, dataset: u16, column: u16) -> Option<&Value> {
        let row = self.picked[dataset as usize]? as usize;
        self.shared.plan.data[dataset as usize].rows.get(row)?.get(column as usize)
    }

    fn scope(&self) -> TemplateScope {
        let data = &self.shared.plan.data;
        let row = |(row, dataset): (&Option<u32>, &plimsoll_plan::Dataset)| {
            let row = row.and_then(|row| dataset.rows.get(row as usize));
            row.map_or_else(Vec::new, |row| row.to_vec())
        };
        let rows = self.picked.iter().zip(data.iter()).map(row).collect();
        let slots =
            (0..self.names.slots.len() as u16).map(|slot| self.slot(CaptureSlot(slot)).cloned());
        let values = ScopeValues {
            slots: slots.collect(),
            rows,
            vu: self.number + 1,
            iteration: self.iteration,
            now: self.now(),
        };
        TemplateScope::new(self.names.clone(), values, self.chance.clone())
    }

    fn set_chance(&mut self, chance: Pcg64Mcg) {
        self.chance = chance;
    }
}
