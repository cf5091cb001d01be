//! Functions of dates and times.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::Date;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::functions::with_scope;
use super::scope::TemplateScope;
use plimsoll_units::RunTime;

/// When the run begins, in nanoseconds since 1970; zero until it has begun. All plans of one set of templates share it.
#[derive(Debug, Clone, Default)]
pub(super) struct RunBegin(Arc<AtomicI64>);

impl RunBegin {
    pub(super) fn set(&self, unix_ns: i64) {
        self.0.store(unix_ns, Ordering::Relaxed);
    }

    /// The time of day at a moment of the run.
    fn at(&self, time: RunTime) -> Result<Timestamp, Error> {
        let since_1970 = i128::from(self.0.load(Ordering::Relaxed)) + i128::from(time.get());
        Timestamp::from_nanosecond(since_1970)
            .map_err(|_| invalid("the time is out of range".to_owned()))
    }
}

/// Adds the functions. `today` is what `date()` counts from, so that a repeated run asks for the same days.
pub(super) fn add_to(environment: &mut Environment<'static>, today: Date, begin: &RunBegin) {
    let (of_date, of_now) = (begin.clone(), begin.clone());
    environment.add_function("date", move |format: Option<Value>, kwargs: Kwargs| {
        let form = format.as_ref().map(text_of).transpose()?;
        date(today, &of_date, form, &kwargs)
    });
    environment.add_function("now", move |state: &State, format: Option<Value>, kwargs: Kwargs| {
        let form = format.as_ref().map(text_of).transpose()?;
        now(&of_now, state, form, &kwargs)
    });
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// A zone by its name in the tz database.
fn zone(name: &str) -> Result<TimeZone, Error> {
    TimeZone::get(name)
        .map_err(|_| invalid(format!("`{name}` is not a time zone like `Europe/Berlin` or `UTC`")))
}

/// `date(days=3)`: a calendar date, `days` from the day of the run; `zone` and `format` say whose day and how. The format
/// may stand first, as that of `now` does.
fn date(
    today: Date,
    begin: &RunBegin,
    first: Option<&str>,
    kwargs: &Kwargs,
) -> Result<String, Error> {
    let days: Option<i64> = kwargs.get("days")?;
    let named: Option<&str> = kwargs.get("zone")?;
    let format = kwargs.get::<Option<&str>>("format")?.or(first);
    kwargs.assert_all_used()?;
    let run_day = match named {
        Some(name) => begin.at(RunTime::ZERO)?.to_zoned(zone(name)?).date(),
        None => today,
    };
    let date = Span::new()
        .try_days(days.unwrap_or(0))
        .and_then(|span| run_day.checked_add(span))
        .map_err(|_| invalid("the date is out of range".to_owned()))?;
    match format {
        Some(format) => strtime::format(format, date).map_err(|error| bad_format(format, &error)),
        None => Ok(date.to_string()),
    }
}

fn bad_format(format: &str, error: &jiff::Error) -> Error {
    invalid(format!("the format `{format}`: {error}"))
}

/// `now()`: the time of day, as RFC 3339 has it; `now('%H:%M', zone='Europe/Berlin')`, `now('unix')`, `now('unix_ms')`,
/// `now('http')`.
fn now(
    begin: &RunBegin,
    state: &State,
    format: Option<&str>,
    kwargs: &Kwargs,
) -> Result<Value, Error> {
    let named: Option<&str> = kwargs.get("zone")?;
    kwargs.assert_all_used()?;
    let time = begin.at(with_scope(state, TemplateScope::now)?)?;
    let zoned = |time: Timestamp| Ok::<Zoned, Error>(time.to_zoned(zone(named.unwrap_or("UTC"))?));
    Ok(match format {
        Some("unix") => Value::from(time.as_second()),
        Some("unix_ms") => Value::from(time.as_millisecond()),
        // RFC 9110, §5.6.7: always in UTC.
        Some("http") => {
            Value::from(strtime::format("%a, %d %b %Y %H:%M:%S GMT", time).unwrap_or_default())
        }
        Some(format) => {
            let text = strtime::format(format, &zoned(time)?);
            Value::from(text.map_err(|error| bad_format(format, &error))?)
        }
        None if named.is_none() => {
            Value::from(strtime::format("%Y-%m-%dT%H:%M:%SZ", time).unwrap_or_default())
        }
        None => {
            let text = strtime::format("%Y-%m-%dT%H:%M:%S%:z", &zoned(time)?);
            Value::from(text.unwrap_or_default())
        }
    })
}

fn text_of(format: &Value) -> Result<&str, Error> {
    format.as_str().ok_or_else(|| invalid("the format is a text like '%H:%M'".to_owned()))
}
