//! What keys come to.

use super::*;

#[test]
fn steering_keys_become_commands() {
    let mut model = running();
    for (key, command) in [
        (KeyCode::Char('+'), SteeringCommand::Scale(1.05)),
        (KeyCode::PageDown, SteeringCommand::Scale(1.0 / 1.10)),
        (KeyCode::Char('h'), SteeringCommand::Hold),
        (KeyCode::Char('n'), SteeringCommand::SkipStage),
        (KeyCode::Char('p'), SteeringCommand::Pause),
        (KeyCode::Char('X'), SteeringCommand::Abort),
    ] {
        assert_eq!(press(&mut model, key), Command::Steer(command));
    }
}

#[test]
fn mark_is_written_with_the_words_that_were_typed() {
    let mut model = running();
    press(&mut model, KeyCode::Char('m'));
    write(&mut model, "deployedd q?");
    for _ in 0..4 {
        press(&mut model, KeyCode::Backspace);
    }
    let command = press(&mut model, KeyCode::Enter);
    assert_eq!(command, Command::Steer(SteeringCommand::Mark("deployed".into())));
}

#[test]
fn closed_model_cannot_be_steered_but_stopped() {
    let log = log();
    let mut header = log.header;
    header.model = LoadModel::Closed { vus: 10 };
    header.stages = vec![StageInfo { duration: Nanos::from_secs(20), ..header.stages[1] }];
    let mut model = fresh();
    let begun = StartedRun { header, folder: String::new(), signals: vec![] };
    update(&mut model, Message::Begun(Box::new(begun)));
    assert_eq!(press(&mut model, KeyCode::Char('+')), Command::Nothing);
    assert!(model.notice.contains("closed model"), "{}", model.notice);
    assert_eq!(press(&mut model, KeyCode::Char('s')), Command::Steer(SteeringCommand::Stop));
}

#[test]
fn run_of_a_number_of_iterations_tells_how_many_have_ended() {
    let log = log();
    let mut header = log.header;
    header.model = LoadModel::Closed { vus: 10 };
    header.planned_arrivals = Some(2_000);
    header.stages = vec![StageInfo { duration: Nanos::from_secs(3_600), ..header.stages[1] }];
    let mut model = fresh();
    let begun = StartedRun { header, folder: String::new(), signals: vec![] };
    update(&mut model, Message::Begun(Box::new(begun)));
    let mut second = log.intervals[0].clone();
    (second.arrivals.completed, second.arrivals.failed) = (990, 10);
    update(&mut model, Message::Interval(Box::new(second)));
    for (width, shown) in [(100, "1,000 of 2,000 iterations"), (60, "1,000 of 2,000")] {
        let screen = drawn(&model, (width, 24)).backend().to_string();
        assert!(screen.contains(shown), "{screen}");
        assert!(!screen.contains("59:"), "no time is left to tell: {screen}");
    }
}

#[test]
fn leaving_a_run_is_asked_about_first() {
    let mut model = running();
    assert_eq!(press(&mut model, KeyCode::Char('q')), Command::Nothing);
    assert_eq!(press(&mut model, KeyCode::Char('n')), Command::Nothing);
    press(&mut model, KeyCode::Char('q'));
    assert_eq!(press(&mut model, KeyCode::Char('y')), Command::StopAndQuit);
    assert_eq!(press(&mut finished(), KeyCode::Char('q')), Command::Quit);
}

#[test]
fn rate_that_cannot_be_read_is_answered_in_place() {
    let mut model = launcher();
    press(&mut model, KeyCode::Char('r'));
    write(&mut model, "300/s");
    press(&mut model, KeyCode::Enter);
    let problem = model.prompt.as_ref().map(|prompt| prompt.problem.clone());
    assert!(problem.is_some_and(|problem| problem.contains("req/s")), "{:?}", model.prompt);
    for _ in 0..2 {
        press(&mut model, KeyCode::Backspace);
    }
    write(&mut model, " req/s");
    press(&mut model, KeyCode::Enter);
    let Command::Launch(launch) = press(&mut model, KeyCode::Enter) else {
        panic!("the run starts");
    };
    assert_eq!(launch.rate, "300 req/s".parse().ok());
}

#[test]
fn every_field_of_the_launcher_reaches_the_run() {
    let mut model = launcher();
    for (key, text) in [
        ('t', "http://127.0.0.1:9000"),
        ('d', "90s"),
        ('i', "10%"),
        ('s', "7"),
        ('=', "http.timeout=5s; http.version=1.1"),
        ('g', "api=3 size=m5.large"),
    ] {
        press(&mut model, KeyCode::Char(key));
        write(&mut model, text);
        press(&mut model, KeyCode::Enter);
        assert!(model.prompt.is_none(), "{key}: {:?}", model.prompt);
    }
    snapshots("launcher_filled", &model);
    let Command::Launch(launch) = press(&mut model, KeyCode::Enter) else {
        panic!("the run starts");
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(launch.target.as_deref(), Some("http://127.0.0.1:9000"));
    assert_eq!(launch.duration, Some(Nanos::from_secs(90)));
    assert_eq!(launch.think, Some(Ratio::new(0.1)));
    assert_eq!(launch.seed, Some(7));
    assert_eq!(launch.settings, [pair("http.timeout", "5s"), pair("http.version", "1.1")]);
    assert_eq!(launch.tags, [pair("api", "3"), pair("size", "m5.large")]);
}

#[test]
fn setting_without_a_value_is_answered_in_place() {
    let mut model = launcher();
    press(&mut model, KeyCode::Char('='));
    write(&mut model, "http.timeout");
    press(&mut model, KeyCode::Enter);
    let problem = model.prompt.as_ref().map(|prompt| prompt.problem.clone());
    assert!(problem.is_some_and(|problem| problem.contains("KEY=VALUE")), "{:?}", model.prompt);
}

#[test]
fn memory_stays_bounded_however_long_the_run() {
    let log = log();
    let mut model = fresh();
    let begun = StartedRun { header: log.header.clone(), folder: String::new(), signals: vec![] };
    update(&mut model, Message::Begun(Box::new(begun)));
    // No answer within a second is cheap to judge, and that is all that this needs.
    let mut second = plimsoll_metrics::Interval::default();
    for index in 0..1_500 {
        second.start = RunTime::ZERO + Nanos::from_secs(index);
        second.end = second.start + Nanos::from_secs(1);
        update(&mut model, Message::Interval(Box::new(second.clone())));
    }
    let live = model.live.as_ref().expect("a run");
    assert!(live.log.intervals.len() < 340, "{}", live.log.intervals.len());
    assert_eq!(live.past.heat.len(), 400);
}
