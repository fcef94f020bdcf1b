//! What need not be read: a pure function of a file's footer.

use std::ops::Range;

use parquet::arrow::arrow_reader::RowSelector;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use crate::window::Window;

/// A batch is not meant to be larger than this.
const BATCH_BYTES: u64 = 8 * 1024 * 1024;
const BATCH_ROWS: [usize; 6] = [1024, 256, 64, 16, 4, 1];

/// Stored instants, in microseconds since 1970: `from` inclusive, `to` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instants {
    from: i64,
    to: i64,
}

impl Instants {
    /// Every stored instant that an instant of the window may have been cut to.
    pub(super) fn of(window: &Window) -> Self {
        let to = window.to.timestamp_micros();
        let cut = !window.to.timestamp_subsec_nanos().is_multiple_of(1000);
        Self {
            from: window.from.timestamp_micros(),
            to: if cut { to.saturating_add(1) } else { to },
        }
    }

    fn overlaps(self, first: i64, last: i64) -> bool {
        first < self.to && self.from <= last
    }

    /// Which of these times, in order, lie inside.
    pub(super) fn rows(self, times: &[i64]) -> Range<usize> {
        let start = times.partition_point(|&time| time < self.from);
        let end = times.partition_point(|&time| time < self.to);
        start..end.max(start)
    }
}

/// The row groups that may hold one of the instants, and which rows of them; `None` means all rows,
/// because the file has no page index.
pub(super) fn select(
    metadata: &ParquetMetaData,
    instants: Instants,
) -> (Vec<usize>, Option<Vec<RowSelector>>) {
    let mut groups = Vec::new();
    let mut selectors = Some(Vec::new());
    for (index, group) in metadata.row_groups().iter().enumerate() {
        let column = time_column(group);
        let overlaps = column.and_then(|column| range(group, column));
        if overlaps.is_some_and(|(first, last)| !instants.overlaps(first, last)) {
            continue;
        }
        groups.push(index);
        let pages = column.and_then(|column| pages(metadata, index, column));
        selectors = selectors.zip(pages).map(|(mut all, pages)| {
            all.extend(select_pages(group, &pages, instants));
            all
        });
    }
    (groups, selectors)
}

fn time_column(group: &RowGroupMetaData) -> Option<usize> {
    group
        .columns()
        .iter()
        .position(|column| column.column_path().string() == "event_time")
}

fn range(group: &RowGroupMetaData, column: usize) -> Option<(i64, i64)> {
    match group.column(column).statistics()? {
        Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        _ => None,
    }
}

/// First row, first instant and last instant of a page; a page without instants has no range.
struct ParquetPage {
    row: usize,
    range: Option<(i64, i64)>,
}

fn pages(metadata: &ParquetMetaData, group: usize, column: usize) -> Option<Vec<ParquetPage>> {
    let offsets = metadata.offset_index()?.get(group)?.get(column)?;
    let ColumnIndexMetaData::INT64(ranges) = metadata.column_index()?.get(group)?.get(column)?
    else {
        return None;
    };
    let locations = offsets.page_locations();
    if locations.len() as u64 != ranges.num_pages() {
        return None;
    }
    locations
        .iter()
        .enumerate()
        .map(|(page, location)| {
            let first = ranges.min_value(page).copied();
            let last = ranges.max_value(page).copied();
            Some(ParquetPage {
                row: usize::try_from(location.first_row_index).ok()?,
                range: first.zip(last),
            })
        })
        .collect()
}

fn select_pages(
    group: &RowGroupMetaData,
    pages: &[ParquetPage],
    instants: Instants,
) -> Vec<RowSelector> {
    let rows = usize::try_from(group.num_rows()).unwrap_or_default();
    let ends = pages.iter().skip(1).map(|page| page.row).chain([rows]);
    pages
        .iter()
        .zip(ends)
        .map(|(page, end)| {
            let length = end.saturating_sub(page.row);
            let wanted = page
                .range
                .is_some_and(|(first, last)| instants.overlaps(first, last));
            if wanted {
                RowSelector::select(length)
            } else {
                RowSelector::skip(length)
            }
        })
        .collect()
}

/// How many rows to decode at once so that large records do not add up: found from the sizes that
/// the page index states, which are those of the values themselves.
pub(super) fn batch_rows(metadata: &ParquetMetaData, names: &[&str]) -> usize {
    let mut allowed = BATCH_ROWS[0];
    for (index, group) in metadata.row_groups().iter().enumerate() {
        for (position, column) in group.columns().iter().enumerate() {
            if !names.contains(&column.column_path().string().as_str()) {
                continue;
            }
            let pages = value_bytes(metadata, index, position).unwrap_or_else(|| {
                let bytes = u64::try_from(column.uncompressed_size()).unwrap_or_default();
                vec![(usize::try_from(group.num_rows()).unwrap_or_default(), bytes)]
            });
            allowed = allowed.min(rows_within(&pages));
        }
    }
    allowed
}

/// Rows and bytes of every page of a column of variable size.
fn value_bytes(
    metadata: &ParquetMetaData,
    group: usize,
    column: usize,
) -> Option<Vec<(usize, u64)>> {
    let index = metadata.offset_index()?.get(group)?.get(column)?;
    let bytes = index.unencoded_byte_array_data_bytes()?;
    let rows = usize::try_from(metadata.row_group(group).num_rows()).ok()?;
    let starts: Option<Vec<usize>> = index
        .page_locations()
        .iter()
        .map(|location| usize::try_from(location.first_row_index).ok())
        .collect();
    let starts = starts?;
    let ends = starts.iter().skip(1).copied().chain([rows]);
    let pages = starts.iter().zip(ends).zip(bytes);
    pages
        .map(|((start, end), bytes)| Some((end.checked_sub(*start)?, u64::try_from(*bytes).ok()?)))
        .collect()
}

/// The largest of the usual batch sizes for which no run of that many rows is too large, if the rows
/// of one page are about alike. A page is cut soon after a large value, so they are, or nearly.
fn rows_within(pages: &[(usize, u64)]) -> usize {
    let fits = |wanted: usize| {
        (0..pages.len()).all(|start| {
            let (mut rows, mut total) = (0, 0);
            for &(page_rows, page_bytes) in &pages[start..] {
                let share = wanted.min(page_rows) as u64;
                total += page_bytes.div_ceil(page_rows.max(1) as u64) * share;
                rows += page_rows;
                // A run that begins at the end of the first page reaches so far.
                if rows >= wanted + pages[start].0 {
                    break;
                }
            }
            total <= BATCH_BYTES
        })
    };
    BATCH_ROWS.into_iter().find(|&rows| fits(rows)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(from: &str, to: &str) -> Instants {
        let window = Window {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        };
        Instants::of(&window)
    }

    #[test]
    fn finer_edges_take_the_whole_microsecond() {
        assert_eq!(
            instants("1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00.000003Z"),
            Instants { from: 1, to: 3 }
        );
        assert_eq!(
            instants(
                "1970-01-01T00:00:00.000001999Z",
                "1970-01-01T00:00:00.000003001Z"
            ),
            Instants { from: 1, to: 4 }
        );
        assert_eq!(
            instants("1969-12-31T23:59:59.999999500Z", "1970-01-01T00:00:00Z"),
            Instants { from: -1, to: 0 }
        );
    }

    #[test]
    fn rows_inside_are_found_by_half_open_bounds() {
        let instants = Instants { from: 2, to: 5 };
        assert_eq!(instants.rows(&[1, 2, 2, 4, 5, 6]), 1..4);
        assert_eq!(instants.rows(&[]), 0..0);
        assert_eq!(instants.rows(&[7, 8]), 0..0);
        assert!(instants.overlaps(4, 9) && instants.overlaps(0, 2));
        assert!(!instants.overlaps(5, 9) && !instants.overlaps(0, 1));
    }

    #[test]
    fn large_records_make_small_batches() {
        let mib = 1024 * 1024;
        let table: [(&[(usize, u64)], usize); 5] = [
            (&[(500, 256 * 1024); 200], 1024),
            (&[(500, 256 * 1024), (1, 9 * mib), (500, 256 * 1024)], 1),
            (&[(1, mib); 50], 4),
            (&[(100_000, 50 * mib)], 1024),
            (&[], 1024),
        ];
        for (pages, rows) in table {
            assert_eq!(rows_within(pages), rows, "{pages:?}");
        }
    }
}
