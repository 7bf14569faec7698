//! The time plan as a chart by month or quarter (K2).

use std::collections::HashMap;

use crate::schema::v1::*;

/// Years that the chart has columns for, as those that a schedule can name: a mistyped year cannot make a chart without end.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2199;

impl ScheduleSpan {
    /// Its first and last month, counted from the year 0; nothing when it ends before it begins.
    pub(super) fn months(&self) -> Option<(i32, i32)> {
        let (first, last) = (months_of(&self.from)?.0, months_of(&self.to)?.1);
        (first <= last).then_some((first, last))
    }
}

/// The first and last month of "2017-02" or "2017-Q1".
fn months_of(text: &str) -> Option<(i32, i32)> {
    let (year, part) = text.split_once('-')?;
    let january = year.parse::<i32>().ok().filter(|year| YEARS.contains(year))? * 12;
    match part.strip_prefix('Q') {
        Some(quarter) => {
            let first = january
                + (quarter
                    .parse::<i32>()
                    .ok()
                    .filter(|quarter| (1..=4).contains(quarter))?
                    - 1)
                    * 3;
            Some((first, first + 2))
        }
        None => {
            let month = january + part.parse::<i32>().ok().filter(|month| (1..=12).contains(month))? - 1;
            Some((month, month))
        }
    }
}

/// How months become columns.
#[derive(Clone, Copy)]
struct Scale(GanttGranularity);

impl Scale {
    const fn column(self, month: i32) -> i32 {
        match self.0 {
            GanttGranularity::Quarter => month / 3,
            GanttGranularity::Month | GanttGranularity::Unspecified => month,
        }
    }

    fn name(self, column: i32) -> String {
        match self.0 {
            GanttGranularity::Quarter => format!("{}-Q{}", column / 4, column % 4 + 1),
            GanttGranularity::Month | GanttGranularity::Unspecified => {
                format!("{}-{:02}", column / 12, column % 12 + 1)
            }
        }
    }

    /// The stretches of a schedule, in order; those that meet are one.
    fn bars(self, schedule: &[ScheduleSpan]) -> Vec<GanttBar> {
        let months = schedule.iter().filter_map(ScheduleSpan::months);
        let mut bars: Vec<GanttBar> = months
            .map(|(first, last)| GanttBar {
                first_column: self.column(first),
                last_column: self.column(last),
            })
            .collect();
        bars.sort_by_key(|bar| bar.first_column);
        let mut merged: Vec<GanttBar> = Vec::new();
        for bar in bars {
            match merged.last_mut() {
                Some(last) if bar.first_column <= last.last_column + 1 => {
                    last.last_column = last.last_column.max(bar.last_column)
                }
                _ => merged.push(bar),
            }
        }
        merged
    }

    fn mark(self, date: &str, text: &str) -> Option<GanttMark> {
        let month = months_of(date.get(..7)?)?.0;
        Some(GanttMark {
            column: self.column(month),
            date: date.to_owned(),
            text: text.to_owned(),
            milestone_id: String::new(),
        })
    }

    fn row(self, activity: &Activity, before: &HashMap<&str, Vec<&str>>) -> Option<GanttRow> {
        let plan = activity.plan.as_ref()?;
        let before = before.get(activity.activity_id.as_str()).into_iter().flatten();
        Some(GanttRow {
            activity_id: activity.activity_id.clone(),
            number: plan.number.clone(),
            name: plan.name.clone(),
            status: activity.status,
            percent: activity.percent,
            bars: self.bars(&plan.schedule),
            results: plan
                .results
                .iter()
                .filter_map(|result| self.mark(result.due.as_deref()?, &result.description))
                .collect(),
            after_activity_ids: before.map(|id| (*id).to_owned()).collect(),
        })
    }

    fn milestone(self, milestone: &Milestone) -> Option<GanttMark> {
        let name = &milestone.plan.as_ref()?.name;
        let mark = self.mark(milestone.date(), format!("{} {name}", milestone.label()).trim_start())?;
        Some(GanttMark {
            milestone_id: milestone.milestone_id.clone(),
            ..mark
        })
    }
}

/// The time plan of a project as it stands: its activities and milestones in columns of months or quarters.
#[must_use]
pub fn gantt_reading(project: &Project, granularity: GanttGranularity) -> GanttReading {
    let granularity = if granularity == GanttGranularity::Quarter {
        granularity
    } else {
        GanttGranularity::Month
    };
    let scale = Scale(granularity);
    let activities = project
        .activities
        .iter()
        .filter(|activity| activity.status() != ActivityStatus::Cancelled);
    let milestones = project
        .milestones
        .iter()
        .filter(|milestone| milestone.status() != MilestoneStatus::Cancelled);
    let mut before: HashMap<&str, Vec<&str>> = HashMap::new();
    for link in &project.activity_links {
        before
            .entry(&link.to_activity_id)
            .or_default()
            .push(&link.from_activity_id);
    }
    let mut reading = GanttReading {
        granularity: granularity.into(),
        columns: Vec::new(),
        rows: activities.filter_map(|activity| scale.row(activity, &before)).collect(),
        milestones: milestones.filter_map(|milestone| scale.milestone(milestone)).collect(),
        position: project.position,
    };
    let bars = reading
        .rows
        .iter()
        .flat_map(|row| &row.bars)
        .flat_map(|bar| [bar.first_column, bar.last_column]);
    let marks = reading
        .rows
        .iter()
        .flat_map(|row| &row.results)
        .chain(&reading.milestones)
        .map(|mark| mark.column);
    let columns: Vec<i32> = bars.chain(marks).collect();
    if let (Some(&first), Some(&last)) = (columns.iter().min(), columns.iter().max()) {
        reading.columns = (first..=last).map(|column| scale.name(column)).collect();
        reading.count_from(first);
    }
    reading
}

impl GanttReading {
    /// Counts every column from this one.
    fn count_from(&mut self, first: i32) {
        for row in &mut self.rows {
            for bar in &mut row.bars {
                bar.first_column -= first;
                bar.last_column -= first;
            }
            for mark in &mut row.results {
                mark.column -= first;
            }
        }
        for mark in &mut self.milestones {
            mark.column -= first;
        }
    }
}
