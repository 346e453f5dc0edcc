//! What the cells of a Parquet column are, by its physical and its logical type: docs/TABLES.md has the whole
//! list, which `make test-oracles` goes through. What does not stand there is refused, never taken for
//! something else.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::schema::types::ColumnDescriptor;

/// Decimal numbers of more digits do not fit into 128 bits.
const MAX_DIGITS: i32 = 38;

/// What a column's cells are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Signed,
    Unsigned,
    /// Integers that are decimals with this scale.
    Decimal(u32),
    Float,
    Truth,
    Text,
    Uuid,
    /// Days since 1970-01-01.
    Date,
    /// Local times on the bank's clock: units since 1970-01-01 00:00, of which this number makes a second.
    Local(i64),
    /// Instants: units since 1970-01-01 00:00 UTC, of which this number makes a second. INT96 has days and
    /// nanoseconds of its own.
    Instant(i64),
}

impl Kind {
    /// What the cells of a column at the top of the schema are.
    ///
    /// # Errors
    /// Says what they are where they are no numbers, dates or words.
    pub(super) fn of(column: &ColumnDescriptor) -> Result<Self, String> {
        // "Unknown" says that no row has a value, whatever the type.
        let logical = annotation(column)?.filter(|logical| *logical != LogicalType::Unknown);
        let kind = match (column.physical_type(), logical) {
            (Physical::BOOLEAN, None) => Kind::Truth,
            (Physical::INT32 | Physical::INT64, None) => Kind::Signed,
            (Physical::INT32 | Physical::INT64, Some(LogicalType::Integer(integer))) => {
                if integer.is_signed {
                    Kind::Signed
                } else {
                    Kind::Unsigned
                }
            }
            (Physical::INT32, Some(LogicalType::Date)) => Kind::Date,
            (Physical::INT64, Some(LogicalType::Timestamp(time))) => {
                let per_second = match time.unit {
                    TimeUnit::MILLIS => 1_000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                };
                if time.is_adjusted_to_u_t_c { Kind::Instant(per_second) } else { Kind::Local(per_second) }
            }
            (Physical::INT96, None) => Kind::Instant(1_000_000_000),
            (Physical::FLOAT | Physical::DOUBLE, None) => Kind::Float,
            (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Float16)) => Kind::Float,
            (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid)) => Kind::Uuid,
            (
                Physical::BYTE_ARRAY,
                None | Some(LogicalType::String | LogicalType::Enum | LogicalType::Json),
            ) => Kind::Text,
            (_, Some(LogicalType::Decimal(decimal))) if decimal.precision <= MAX_DIGITS => {
                Kind::Decimal(decimal.scale.unsigned_abs())
            }
            (_, Some(LogicalType::Decimal(decimal))) => {
                return Err(format!(
                    "decimal numbers of {} digits ({MAX_DIGITS} at most)",
                    decimal.precision
                ));
            }
            (_, Some(LogicalType::Time(_))) => return Err("times of day without a date".into()),
            (physical, None) => return Err(format!("{physical} without a logical type")),
            (physical, Some(logical)) => return Err(format!("{logical:?} ({physical})")),
        };
        Ok(kind)
    }
}

/// A column's logical type, or what its older name stands for.
fn annotation(column: &ColumnDescriptor) -> Result<Option<LogicalType>, String> {
    if let Some(logical) = column.logical_type_ref() {
        return Ok(Some(logical.clone()));
    }
    let integer = |bits, is_signed| LogicalType::integer(bits, is_signed);
    Ok(Some(match column.converted_type() {
        ConvertedType::NONE => return Ok(None),
        ConvertedType::UTF8 => LogicalType::String,
        ConvertedType::ENUM => LogicalType::Enum,
        ConvertedType::JSON => LogicalType::Json,
        ConvertedType::DECIMAL => LogicalType::decimal(column.type_scale(), column.type_precision()),
        ConvertedType::DATE => LogicalType::Date,
        ConvertedType::TIMESTAMP_MILLIS => LogicalType::timestamp(true, TimeUnit::MILLIS),
        ConvertedType::TIMESTAMP_MICROS => LogicalType::timestamp(true, TimeUnit::MICROS),
        ConvertedType::TIME_MILLIS => LogicalType::time(true, TimeUnit::MILLIS),
        ConvertedType::TIME_MICROS => LogicalType::time(true, TimeUnit::MICROS),
        ConvertedType::INT_8 => integer(8, true),
        ConvertedType::INT_16 => integer(16, true),
        ConvertedType::INT_32 => integer(32, true),
        ConvertedType::INT_64 => integer(64, true),
        ConvertedType::UINT_8 => integer(8, false),
        ConvertedType::UINT_16 => integer(16, false),
        ConvertedType::UINT_32 => integer(32, false),
        ConvertedType::UINT_64 => integer(64, false),
        other => return Err(format!("{other} ({})", column.physical_type())),
    }))
}
