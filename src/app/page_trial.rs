//! `check --once`: every page of the browsers once, with its figures.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::browsing::{allowed_hosts, idle_context, launched};
use super::exit::{Exit, Failure};
use super::output::{say, write_out};
use crate::browser::{BrowserError, BrowserUser};
use crate::metrics::{PageFigure, PageLoad};
use crate::plan::{BrowserPlan, PageStep, Plan};
use crate::report::format;

/// No flow takes so long.
const LIMIT: Duration = Duration::from_mins(10);

/// Plays the flow of each browser once, inside a `LocalSet`. Returns whether no page failed. Where there is no Chromium,
/// that is said and nothing more.
pub(super) async fn once(plan: &Arc<Plan>, may_load: &[String]) -> Result<bool, Failure> {
    if plan.browsers.is_empty() {
        return Ok(true);
    }
    let loads = match loads(plan, allowed_hosts(plan, may_load)).await {
        Ok(loads) => loads,
        Err(error @ BrowserError::Missing(_)) => {
            say(&format!("note: pages are not opened: {error}"));
            return Ok(true);
        }
        Err(error) => return Err(Failure::new(Exit::Error, format!("error: {error}"))),
    };
    for load in &loads {
        write_out(&told(load))?;
    }
    Ok(loads.iter().all(|load| load.failure.is_none()))
}

async fn loads(plan: &Arc<Plan>, hosts: Vec<String>) -> Result<Vec<PageLoad>, BrowserError> {
    let (browser, _profile) = launched(plan, hosts).await?;
    let context = idle_context(plan);
    let mut loads = vec![];
    let mut ended = Ok(());
    for (number, browser_plan) in (0..).zip(&plan.browsers) {
        let mut user = BrowserUser::new(context.clone(), at_once(browser_plan), number);
        ended = user.play(&browser, Instant::now() + LIMIT, &mut loads).await;
        user.leave().await;
        if ended.is_err() {
            break;
        }
    }
    browser.close().await;
    ended.map(|()| loads)
}

/// Nobody thinks while somebody waits for the answer.
fn at_once(plan: &BrowserPlan) -> BrowserPlan {
    let acting = |steps: &[PageStep]| {
        steps.iter().filter(|step| !matches!(step, PageStep::Think(_))).cloned().collect()
    };
    BrowserPlan { login: acting(&plan.login), flow: acting(&plan.flow), ..plan.clone() }
}

/// The lines of one load.
fn told(load: &PageLoad) -> String {
    let page = format::line(&load.page, 60);
    if let Some(failure) = &load.failure {
        return format!("\npage {page}: failed: {}\n", format::line(failure, 200));
    }
    let figure = |figure: &PageFigure| {
        load.time(*figure).map(|time| format!("{figure} {}", format::time(time)))
    };
    let mut figures: Vec<String> = PageFigure::ALL.iter().filter_map(figure).collect();
    figures.extend(load.cls.map(|cls| format!("cls {}", format::significant(cls, 2))));
    let what = match load.status {
        0 => "shown within the same document".to_owned(),
        status => {
            format!("{status}, {} requests, {}", load.requests, format::size(load.bytes.get()))
        }
    };
    let mut lines = vec![format!("\npage {page}: {what}"), figures.join(" · ")];
    if load.script_errors > 0 {
        lines.push(format!("script errors: {}", load.script_errors));
    }
    if !load.blocked.is_empty() {
        let hosts: Vec<String> = load.blocked.iter().map(|host| format::line(host, 80)).collect();
        lines.push(format!("kept from other hosts: {}", hosts.join(", ")));
    }
    if let Some(doubt) = load.doubt {
        lines.push(format!("says nothing about the stack: {doubt}"));
    }
    lines.join("\n  ") + "\n"
}
