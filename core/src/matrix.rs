//! A borrowed matrix: rows of values in one slice.

use core::iter::{Copied, StepBy};
use core::slice::{ChunksExact, Iter};

use crate::Error;

/// A matrix that borrows a slice: its rows, one after the other, with `width` values each.
///
/// Invariant: the slice holds whole rows. Only [`Matrix::new`] creates one, so every row has `width` values
/// and every column one value per row. Without columns there are no rows.
///
/// ```
/// use nextbest_core::matrix::Matrix;
///
/// let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let matrix = Matrix::new(&values, 3)?;
/// assert_eq!(matrix.row(1), Some(&[4.0, 5.0, 6.0][..]));
/// assert_eq!(matrix.column(1).unwrap().collect::<Vec<_>>(), [2.0, 5.0]);
/// assert_eq!((matrix.height(), matrix.width()), (2, 3));
/// assert!(matrix.row(2).is_none() && matrix.column(3).is_none());
///
/// // Six values are not rows of four.
/// assert_eq!(Matrix::new(&values, 4).unwrap_err().code(), "row/length");
/// # Ok::<(), nextbest_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matrix<'v, T> {
    values: &'v [T],
    width: usize,
}

/// The values of one column, from the first row to the last.
pub type Column<'v, T> = Copied<StepBy<Iter<'v, T>>>;

impl<'v, T: Copy> Matrix<'v, T> {
    /// The rows of `width` values each in a slice.
    ///
    /// # Errors
    /// [`Error::RowLength`] if the last row is shorter than the others, or there are values but no columns.
    pub fn new(values: &'v [T], width: usize) -> Result<Self, Error> {
        let expected = values.len().checked_next_multiple_of(width).unwrap_or(0);
        match expected == values.len() {
            true => Ok(Self { values, width }),
            false => Err(Error::RowLength { expected, actual: values.len() }),
        }
    }

    /// The number of values in a row.
    pub fn width(self) -> usize {
        self.width
    }

    /// The number of rows.
    pub fn height(self) -> usize {
        self.rows().len()
    }

    /// All values, row by row.
    pub fn values(self) -> &'v [T] {
        self.values
    }

    /// The row at a position; `None` past the last.
    pub fn row(self, position: usize) -> Option<&'v [T]> {
        self.rows().nth(position)
    }

    /// The rows, from the first to the last.
    pub fn rows(self) -> ChunksExact<'v, T> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// The column at a position; `None` past the last.
    pub fn column(self, position: usize) -> Option<Column<'v, T>> {
        (position < self.width).then(|| self.column_from(position))
    }

    /// The columns, from the first to the last: `width` of them, empty ones if there are no rows.
    pub fn columns(self) -> impl ExactSizeIterator<Item = Column<'v, T>> {
        (0..self.width).map(move |position| self.column_from(position))
    }

    fn column_from(self, position: usize) -> Column<'v, T> {
        // Without rows there is no first value to start from.
        let values = self.values.get(position..).unwrap_or_default();
        values.iter().step_by(self.width).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_those_of_nested_loops() {
        for (height, width) in [(0, 3), (1, 1), (1, 4), (5, 1), (4, 3)] {
            let values: Vec<usize> = (0..height * width).collect();
            let matrix = Matrix::new(&values, width).unwrap();
            assert_eq!((matrix.height(), matrix.width(), matrix.columns().len()), (height, width, width));
            for row in 0..height {
                let expected: Vec<usize> = (0..width).map(|column| row * width + column).collect();
                assert_eq!(matrix.row(row), Some(&expected[..]));
            }
            for column in 0..width {
                let expected: Vec<usize> = (0..height).map(|row| row * width + column).collect();
                assert_eq!(matrix.column(column).unwrap().collect::<Vec<_>>(), expected);
            }
            assert!(matrix.row(height).is_none() && matrix.column(width).is_none());
            assert!(matrix.rows().flatten().eq(&values));
        }
    }

    #[test]
    fn what_is_not_whole_rows_is_refused() {
        for (count, width, expected) in [(5, 2, 6), (1, 2, 2), (3, 0, 0)] {
            let refused = Matrix::new(&[0u8; 5][..count], width).unwrap_err();
            assert_eq!(refused, Error::RowLength { expected, actual: count });
        }
        let empty = Matrix::<u8>::new(&[], 0).unwrap();
        assert_eq!((empty.height(), empty.rows().count(), empty.columns().count()), (0, 0, 0));
    }
}
