//! The drawing: plotters for the geometry, style sheets for the colours.
//!
//! A chart must follow the reader's light or dark theme, but plotters writes fixed colours and fonts. So every
//! ink is drawn in a colour of its own that stands for a class, and the finished SVG names classes instead.
//! plotters draws on whole pixels; the canvas is four times as large as shown so that lines stay smooth.

use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::{
    Circle, DrawingArea, IntoDrawingArea, PathElement, RGBColor, Rectangle, SVGBackend, ShapeStyle,
    Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{IntoFont, TextStyle};

use super::axis::Axis;
use crate::ReportError;

/// How much larger the canvas is than it is shown.
const SCALE: i32 = 4;
/// Font size on the canvas; the style sheet may raise it on narrow screens.
const FONT_SIZE: i32 = 11 * SCALE;

/// What a stroke or a filling means; the style sheet gives it a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChartInk {
    /// The n-th series, from 1 to 8.
    Series(u8),
    /// Grid lines.
    Grid,
    /// Labels of axes.
    Label,
    /// The judged part.
    Judged,
    /// A marked event.
    Event,
    /// A bound of the SLO table.
    Limit,
    /// A cell of a heat map, from 1 (few) to 5 (most).
    Heat(u8),
    /// The range of a baseline.
    Baseline,
}

impl ChartInk {
    const ALL: [Self; 19] = [
        Self::Series(1),
        Self::Series(2),
        Self::Series(3),
        Self::Series(4),
        Self::Series(5),
        Self::Series(6),
        Self::Series(7),
        Self::Series(8),
        Self::Grid,
        Self::Label,
        Self::Judged,
        Self::Event,
        Self::Limit,
        Self::Heat(1),
        Self::Heat(2),
        Self::Heat(3),
        Self::Heat(4),
        Self::Heat(5),
        Self::Baseline,
    ];

    /// The colour that stands for it until the SVG is finished.
    fn token(self) -> RGBColor {
        let number = match self {
            Self::Series(number) => number,
            Self::Grid => 20,
            Self::Label => 21,
            Self::Judged => 22,
            Self::Event => 23,
            Self::Limit => 24,
            Self::Baseline => 25,
            Self::Heat(shade) => 30 + shade,
        };
        RGBColor(1, 2, number)
    }

    /// The class in the style sheet, without the prefix for stroke or filling.
    fn class(self) -> String {
        match self {
            Self::Series(number) => number.to_string(),
            Self::Grid => "g".into(),
            Self::Label => "l".into(),
            Self::Judged => "j".into(),
            Self::Event => "e".into(),
            Self::Limit => "m".into(),
            Self::Baseline => "b".into(),
            Self::Heat(shade) => format!("h{shade}"),
        }
    }

    /// A line of `width` shown pixels.
    fn line(self, width: f64) -> ShapeStyle {
        ShapeStyle {
            color: self.token().into(),
            filled: false,
            stroke_width: (width * f64::from(SCALE)) as u32,
        }
    }

    fn filling(self) -> ShapeStyle {
        ShapeStyle { color: self.token().into(), filled: true, stroke_width: 0 }
    }
}

/// Size of a chart as shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChartSize {
    pub(super) width: i32,
    pub(super) height: i32,
    /// Room on the left for the labels of the upright axis.
    pub(super) left: i32,
}

impl ChartSize {
    /// Two of them fill the page.
    pub(super) const LARGE: Self = Self { width: 540, height: 230, left: 58 };
    /// Three or four of them fill the page.
    pub(super) const SMALL: Self = Self { width: 320, height: 140, left: 54 };
}

type ChartArea<'a> = DrawingArea<SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Where a label stands.
#[derive(Clone, Copy)]
struct LabelPlace {
    /// The point of the chart that it belongs to.
    at: (f64, f64),
    /// How far to the right and down of it, in units of the drawing.
    offset: (i32, i32),
    /// Which corner or side of the label stands there.
    anchor: Pos,
}

/// A rectangle from one place to another on each axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChartBlock {
    pub(super) across: (f64, f64),
    pub(super) up: (f64, f64),
}

/// A chart under construction. Methods draw; [`Canvas::finish`] gives the SVG.
pub(super) struct Canvas<'a> {
    area: ChartArea<'a>,
    x: Axis,
    y: Axis,
}

const TOP: i32 = 14;
const RIGHT: i32 = 18;
const BOTTOM: i32 = 22;

impl<'a> Canvas<'a> {
    pub(super) fn new(buffer: &'a mut String, size: ChartSize, x: Axis, y: Axis) -> Self {
        let ChartSize { width, height, left } = size;
        let backend =
            SVGBackend::with_string(buffer, ((width * SCALE) as u32, (height * SCALE) as u32));
        let root: DrawingArea<SVGBackend<'a>, Shift> = backend.into_drawing_area();
        let across = left * SCALE..(width - RIGHT) * SCALE;
        let down = (height - BOTTOM) * SCALE..TOP * SCALE;
        let area =
            root.apply_coord_spec(Cartesian2d::new(x.low..x.high, y.low..y.high, (across, down)));
        Self { area, x, y }
    }

    /// Grid lines and labels of both axes.
    pub(super) fn axes(&self) -> Result<(), ReportError> {
        for (value, label) in &self.y.ticks {
            self.path(vec![(self.x.low, *value), (self.x.high, *value)], ChartInk::Grid, 1.0)?;
            let anchor = Pos::new(HPos::Right, VPos::Center);
            self.text(label, &LabelPlace { at: (self.x.low, *value), offset: (-6, 0), anchor })?;
        }
        for (value, label) in &self.x.ticks {
            let anchor = Pos::new(HPos::Center, VPos::Top);
            self.text(label, &LabelPlace { at: (*value, self.y.low), offset: (0, 6), anchor })?;
        }
        Ok(())
    }

    /// A band over a range of the lower axis.
    pub(super) fn band(&self, from: f64, to: f64, ink: ChartInk) -> Result<(), ReportError> {
        let corners = [(self.x.place(from), self.y.low), (self.x.place(to), self.y.high)];
        self.draw(&Rectangle::new(corners, ink.filling()))
    }

    /// A series; `None` breaks the line. A point between two gaps becomes a dot.
    pub(super) fn series(
        &self,
        points: &[Option<(f64, f64)>],
        ink: ChartInk,
    ) -> Result<(), ReportError> {
        for run in points.split(Option::is_none) {
            let placed: Vec<(f64, f64)> =
                run.iter().flatten().map(|&(x, y)| (self.x.place(x), self.y.place(y))).collect();
            match placed.as_slice() {
                [] => {}
                [dot] => self.draw(&Circle::new(*dot, 2 * SCALE, ink.filling()))?,
                _ => self.path(placed, ink, 1.75)?,
            }
        }
        Ok(())
    }

    /// A dot.
    pub(super) fn dot(&self, (x, y): (f64, f64), ink: ChartInk) -> Result<(), ReportError> {
        self.draw(&Circle::new((self.x.place(x), self.y.place(y)), 3 * SCALE, ink.filling()))
    }

    /// An upright line with a label above it, unless that is empty.
    pub(super) fn upright(&self, x: f64, label: &str, ink: ChartInk) -> Result<(), ReportError> {
        let x = self.x.place(x);
        self.path(vec![(x, self.y.low), (x, self.y.high)], ink, 1.0)?;
        let anchor = Pos::new(HPos::Center, VPos::Bottom);
        self.text(label, &LabelPlace { at: (x, self.y.high), offset: (0, -2), anchor })
    }

    /// A filled rectangle.
    pub(super) fn block(&self, block: &ChartBlock, ink: ChartInk) -> Result<(), ReportError> {
        let corner = |x, y| (self.x.place(x), self.y.place(y));
        let ChartBlock { across, up } = *block;
        let corners = [corner(across.0, up.0), corner(across.1, up.1)];
        self.draw(&Rectangle::new(corners, ink.filling()))
    }

    /// A band across, with its edges: one that has no height is a line.
    pub(super) fn range(&self, up: (f64, f64), ink: ChartInk) -> Result<(), ReportError> {
        let [low, high] = [up.0, up.1].map(|end| self.y.place(end));
        let corners = [(self.x.low, low), (self.x.high, high)];
        self.draw(&Rectangle::new(corners, ink.filling()))?;
        let mut edges = [low, high].into_iter();
        edges.try_for_each(|y| self.path(vec![(self.x.low, y), (self.x.high, y)], ink, 0.75))
    }

    /// A line across with a label above its end; nothing where it lies outside.
    pub(super) fn level(&self, y: f64, label: &str, ink: ChartInk) -> Result<(), ReportError> {
        if !self.y.holds(y) {
            return Ok(());
        }
        let y = self.y.place(y);
        self.path(vec![(self.x.low, y), (self.x.high, y)], ink, 1.0)?;
        let anchor = Pos::new(HPos::Right, VPos::Bottom);
        self.text(label, &LabelPlace { at: (self.x.high, y), offset: (0, -2), anchor })
    }

    /// How far apart two places on the lower axis are shown, in pixels.
    pub(super) fn gap(&self, a: f64, b: f64) -> f64 {
        let place = |x| f64::from(self.area.map_coordinate(&(self.x.place(x), self.y.low)).0);
        (place(a) - place(b)).abs() / f64::from(SCALE)
    }

    fn path(&self, points: Vec<(f64, f64)>, ink: ChartInk, width: f64) -> Result<(), ReportError> {
        self.draw(&PathElement::new(points, ink.line(width)))
    }

    fn text(&self, label: &str, place: &LabelPlace) -> Result<(), ReportError> {
        if label.is_empty() {
            return Ok(());
        }
        let LabelPlace { at, offset: (right, down), anchor } = *place;
        let (x, y) = self.area.map_coordinate(&at);
        let colour = ChartInk::Label.token();
        let style =
            TextStyle::from(("sans-serif", FONT_SIZE).into_font()).color(&colour).pos(anchor);
        let place = (x + right * SCALE, y + down * SCALE);
        let pixels = self.area.use_screen_coord();
        pixels.draw(&Text::new(label, place, style)).map_err(|error| broken(&error))
    }

    fn draw<'e, E>(&self, element: &'e E) -> Result<(), ReportError>
    where
        &'e E: PointCollection<'e, (f64, f64)>,
        E: Drawable<SVGBackend<'a>>,
    {
        self.area.draw(element).map_err(|error| broken(&error))
    }

    /// Ends the drawing.
    pub(super) fn finish(self) -> Result<(), ReportError> {
        self.area.present().map_err(|error| broken(&error))
    }
}

fn broken(error: &dyn std::fmt::Display) -> ReportError {
    ReportError::Chart { message: error.to_string() }
}

/// Turns the fixed colours, fonts and sizes of a finished SVG into classes.
pub(super) fn themed(svg: &str, size: ChartSize) -> String {
    let (width, height) = (size.width * SCALE, size.height * SCALE);
    let fixed = format!("<svg width=\"{width}\" height=\"{height}\" viewBox=");
    let mut svg = svg.replacen(&fixed, "<svg viewBox=", 1).replace(" \"/>", "\"/>");
    for ink in ChartInk::ALL {
        let RGBColor(red, green, blue) = ink.token();
        let colour = format!("#{red:02X}{green:02X}{blue:02X}");
        svg = svg.replace(&format!("stroke=\"{colour}\""), &format!("class=\"s{}\"", ink.class()));
        svg = svg.replace(&format!("fill=\"{colour}\""), &format!("class=\"f{}\"", ink.class()));
    }
    // plotters divides font sizes by 1.24 and prints the quotient in full.
    let font = format!(" font-family=\"sans-serif\" font-size=\"{}\"", f64::from(FONT_SIZE) / 1.24);
    svg.replace(&font, "")
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(">\n", ">")
}
