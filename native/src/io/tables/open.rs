//! Opens a bank: reads every table once, in an order in which each comes after those that it refers to.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use nextbest_core::customers::{Columns, words};
use nextbest_core::schema::{ColumnKind, Product, Schema, SchemaDefinition, Table, Task};
use nextbest_core::time::{Clock, DAY};

use super::bank::{Bank, EventRows};
use super::batch::{Span, UnseenWords};
use super::declared::holdings;
use super::events::{Destination, EventTable};
use super::held::HeldTable;
use super::join::{Joins, Owners, group};
use super::plan::{TablePlan, Target};
use super::quality::TableQuality;
use super::read::TableFile;
use super::{LoadOptions, MAX_WORDS, RuledWords, products, too_many_words};
use crate::app::Progress;
use crate::config::{ColumnType, Config, HoldingProductConfig, SchemaConfig, TableConfig};
use crate::io::output::check_finished;

/// Reads the bank's tables.
///
/// # Errors
/// If a file or column is missing, a table is empty, or rows are bad (and not to be skipped).
pub(crate) fn load(config: &Config, options: &LoadOptions<'_>, progress: &Progress) -> anyhow::Result<Bank> {
    check_finished(config.data_source.input_path(), "generate")?;
    let schema = config.schema()?;
    let id_column = config.feature_store.key()?;
    let clock = match options.schema {
        Some(known) => config.data_source.clock_of(known)?.clone(),
        None => config.data_source.clock()?,
    };
    let reader = Reader { config, schema: &schema, options, id_column, clock: &clock, progress };
    let order = load_order(&schema)?;
    let mut held: Vec<HeldTable> = Vec::new();
    for name in order.iter().filter(|name| !is_streamed(&schema, name)) {
        let (file, plan) = reader.plan(name, &held)?;
        let table = HeldTable::read(&file, &plan)?;
        reader.check(&table.quality, !plan.columns.is_empty())?;
        held.push(table);
    }
    let customer_table = &schema.customer.table;
    let customer = held.iter().position(|table| &table.name == customer_table);
    let customer =
        customer.with_context(|| format!("schema.customer: there is no table `{customer_table}`"))?;
    let ids = held.get_mut(customer).map(|table| std::mem::take(&mut table.ids)).unwrap_or_default();
    // Keys were checked as they were read.
    if schema.tables.get(customer_table).is_none_or(|table| table.key.as_deref() != Some(id_column)) {
        check_ids(&ids, id_column)?;
    }
    progress.step("joining tables".into());
    let joins = Joins::new(&held, customer);
    for (position, table) in held.iter_mut().enumerate() {
        let (nobody, shared) = joins.of(position).map_or((0, 0), Owners::nobody_and_shared);
        table.quality.add_owners(nobody, shared);
    }
    let mut streamed: Vec<EventTable> = Vec::new();
    for name in order.iter().filter(|name| is_streamed(&schema, name)) {
        let (file, plan) = reader.plan(name, &held)?;
        let references = plan.columns.iter().filter_map(|column| column.target);
        let leading = joins.leading(references.map(|target| target.name), &held);
        let (reference, owners) = leading.with_context(|| nothing_leads(name, customer_table))?;
        let destination = Destination {
            reference,
            owners,
            customers: ids.len(),
            folder: config.data_source.output_path(),
            memory: config.data_source.memory_mb.saturating_mul(1 << 20),
        };
        let table = EventTable::read(&file, &plan, &destination)?;
        reader.check(&table.quality, true)?;
        streamed.push(table);
    }
    let mut quality = Vec::new();
    for name in &order {
        quality.extend(held.iter().filter(|table| &table.name == name).map(|table| table.quality.clone()));
        quality
            .extend(streamed.iter().filter(|table| &table.name == name).map(|table| table.quality.clone()));
    }
    for quality in &quality {
        quality.tell(schema.tables.get(&quality.table).is_some_and(is_event_table), progress);
    }
    let products = match options.schema {
        Some(known) => known.products().to_vec(),
        None => products(config, &schema)?,
    };
    let (attribute_columns, attributes) = joins.attributes(&held, customer)?;
    let mut times = Span::NONE;
    let mut unseen_words: BTreeMap<String, UnseenWords> = BTreeMap::new();
    let (mut tables, mut events) = (Vec::new(), Vec::new());
    for (name, declared) in schema.tables.iter().filter(|(_, table)| is_event_table(table)) {
        let columns = if let Some(position) = streamed.iter().position(|table| &table.name == name) {
            let mut table = streamed.swap_remove(position);
            unseen_words.insert(name.clone(), std::mem::take(&mut table.unseen_words));
            times = times.and(table.times);
            let columns = table.columns.iter().map(super::events::EventColumn::declare).collect();
            events.push(EventRows::Streamed(Box::new(table)));
            columns
        } else {
            let index = held.iter().position(|table| &table.name == name).context("a table was not read")?;
            let owners = joins.of(index).with_context(|| nothing_leads(name, customer_table))?;
            let table = held.get_mut(index).context("a table was not read")?;
            unseen_words.insert(name.clone(), std::mem::take(&mut table.unseen_words));
            times = times.and(table.times);
            let own = std::mem::take(&mut table.columns);
            let columns = own.iter().map(super::held::HeldColumn::declare).collect();
            let (rows, offsets) = group(own, owners, ids.len())?;
            events.push(EventRows::Held(rows, offsets));
            columns
        };
        tables.push(Table { name: name.clone(), time: declared.time.clone(), columns });
    }
    let mut customer = Table { name: "customer".into(), time: None, columns: attribute_columns };
    let mut unmet = Vec::new();
    if options.schema.is_none() {
        let further = FurtherWords { ruled: &options.ruled, unseen: &unseen_words, products: &products };
        unmet.extend(further.declare(None, &mut customer, &schema)?);
        for table in &mut tables {
            unmet.extend(further.declare(Some(table.name.clone()), table, &schema)?);
        }
    }
    let schema = built_schema(config, &schema, clock, (customer, tables), products, options.schema)?;
    if !times.last.is_finite() {
        bail!("no event table has a row with a time");
    }
    let data_start = times.first as i64;
    let data_end = ((times.last as i64).div_euclid(DAY) + 1) * DAY;
    let attributes = Columns::new(attributes, ids.len())?;
    Ok(Bank { schema, ids, quality, unmet, data_start, data_end, attributes, events })
}

/// What all tables are read with.
struct Reader<'a> {
    config: &'a Config,
    schema: &'a SchemaConfig,
    options: &'a LoadOptions<'a>,
    id_column: &'a str,
    clock: &'a Clock,
    progress: &'a Progress,
}

impl<'a> Reader<'a> {
    fn plan<'p>(
        &'p self,
        name: &'p str,
        held: &'p [HeldTable],
    ) -> anyhow::Result<(TableFile, TablePlan<'p>)> {
        self.progress.step(format!("reading table {name}"));
        let table =
            self.schema.tables.get(name).with_context(|| format!("schema: there is no table `{name}`"))?;
        let file = TableFile::open(self.config, name, table)?;
        let target = |name: &str| {
            let table = held.iter().find(|table| table.name == name)?;
            Some(Target { name: &table.name, keys: &table.keys })
        };
        let mut plan =
            TablePlan::new(self.schema, name, self.options.schema, self.id_column, self.clock, target)?;
        // What others refer to has to be there, whether a feature sees it or not.
        if let Some(seen) = self.options.seen.get(name).filter(|_| is_streamed(self.schema, name)) {
            plan.seen = seen.clone();
        }
        for column in plan.columns.iter_mut().filter(|column| column.words.is_none()) {
            let is_category = column.config.r#type == Some(ColumnType::Category);
            let place = (Some(name.to_owned()), column.name.to_owned());
            column.is_ruled = is_category && self.options.ruled.contains_key(&place);
        }
        Ok((file, plan))
    }

    /// Stops where a table has bad rows that are not to be skipped, or no rows at all.
    fn check(&self, quality: &TableQuality, has_columns: bool) -> anyhow::Result<()> {
        if quality.spoilt() > 0 && !self.options.skip_bad_rows {
            bail!(
                "{} of {} rows are bad:\n  {}\nMend them, or leave them out with --skip-bad-rows.",
                quality.spoilt(),
                quality.read,
                quality.problems.join("\n  ")
            );
        }
        if quality.rows + quality.unseen + quality.nobody == 0 && has_columns {
            bail!(
                "{}: table `{}` has no rows; take it out of the schema or supply its data",
                quality.file.display(),
                quality.table
            );
        }
        Ok(())
    }
}

pub(super) fn is_event_table(table: &TableConfig) -> bool {
    table.time.is_some() || table.undated
}

/// Whether a table's rows need not be held in memory: it is an event table, and no other refers to it.
fn is_streamed(schema: &SchemaConfig, name: &str) -> bool {
    let mut columns = schema.tables.values().flat_map(|table| table.columns.values());
    let is_referred_to = columns.any(|column| column.references.as_deref() == Some(name));
    schema.tables.get(name).is_some_and(is_event_table) && !is_referred_to && name != schema.customer.table
}

fn nothing_leads(name: &str, customer_table: &str) -> String {
    format!(
        "schema: nothing leads from table `{name}` to table `{customer_table}`: declare what its columns \
         refer to"
    )
}

/// Words that a bundle must know although no feature met them: those that rules name or that stand in rows
/// that no feature sees, and the ids of products that nobody took yet.
struct FurtherWords<'a> {
    ruled: &'a RuledWords,
    unseen: &'a BTreeMap<String, UnseenWords>,
    products: &'a [Product],
}

impl FurtherWords<'_> {
    /// Adds them behind a table's own, so that no position changes that a feature has seen, and gives those
    /// that only rules know. `place` is the name of an event table.
    fn declare(
        &self,
        place: Option<String>,
        table: &mut Table,
        schema: &SchemaConfig,
    ) -> anyhow::Result<Vec<String>> {
        let mut unmet = Vec::new();
        for column in &mut table.columns {
            let ColumnKind::Category(known) = &mut column.kind else { continue };
            let is_new = |known: &[String], word: &String| words::position(known, word).is_none();
            let unseen = place.as_ref().and_then(|table| self.unseen.get(table)?.get(&column.name));
            let mut further: BTreeSet<String> = unseen.cloned().unwrap_or_default();
            let met: Vec<String> = further.iter().cloned().collect();
            let ruled = self.ruled.get(&(place.clone(), column.name.clone())).into_iter().flatten();
            for word in ruled.filter(|word| is_new(known, word) && is_new(&met, word)) {
                unmet.push(format!("`{word}` of `{}` of {}", column.name, table.name));
                further.insert(word.clone());
            }
            let says_products = schema.holdings.iter().any(|holding| {
                place.as_ref() == Some(&holding.table)
                    && matches!(&holding.product, HoldingProductConfig::Column(name) if *name == column.name)
            });
            if says_products {
                further.extend(self.products.iter().map(|product| product.id.clone()));
            }
            further.retain(|word| is_new(known, word));
            known.extend(further);
            if known.len() > MAX_WORDS {
                return Err(too_many_words(&table.name, &column.name));
            }
        }
        Ok(unmet)
    }
}

/// The schema that the tables turn out to have; with a known one, that one, if it is the same.
fn built_schema(
    config: &Config,
    schema: &SchemaConfig,
    clock: Clock,
    (customer, tables): (Table, Vec<Table>),
    products: Vec<Product>,
    known: Option<&Schema>,
) -> anyhow::Result<Schema> {
    if let Some(known) = known {
        if known.customer() != &customer || known.tables() != tables.as_slice() {
            bail!("the bundle was made for other tables or columns than the config declares");
        }
        let (days, of_config) = (known.horizon_days(), config.snapshots.horizon_days);
        if days != of_config {
            bail!(
                "snapshots.horizon_days: the config says {of_config}, but the bundle says what is taken \
                 within {days} days"
            );
        }
        return Ok(known.clone());
    }
    let definition = SchemaDefinition {
        customer,
        established: Some(schema.customer.established.clone()),
        birth_date: schema.customer.birth_date.clone(),
        tables,
        holdings: holdings(schema),
        products,
        horizon_days: config.snapshots.horizon_days,
        task: Task::NextProduct,
        clock,
    };
    Ok(Schema::try_from(definition)?)
}

fn check_ids(ids: &[String], column: &str) -> anyhow::Result<()> {
    let mut sorted: Vec<&String> = ids.iter().collect();
    sorted.sort_unstable();
    if sorted.first().is_some_and(|id| id.is_empty()) {
        bail!("a customer has an empty {column}");
    }
    match sorted.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first()) {
        Some(id) => bail!("two customers have the {column} {id:?}"),
        None => Ok(()),
    }
}

/// The tables in an order in which each comes after those that it refers to.
fn load_order(schema: &SchemaConfig) -> anyhow::Result<Vec<String>> {
    fn visit(
        schema: &SchemaConfig,
        name: &str,
        path: &mut Vec<String>,
        order: &mut Vec<String>,
    ) -> anyhow::Result<()> {
        if order.iter().any(|done| done == name) {
            return Ok(());
        }
        if path.iter().any(|above| above == name) {
            bail!("schema: tables refer to each other in a circle: {} → {name}", path.join(" → "));
        }
        let table = schema.tables.get(name).with_context(|| match path.last() {
            Some(from) => format!("schema: table `{from}` refers to `{name}`, which is not declared"),
            None => format!("schema: there is no table `{name}`"),
        })?;
        path.push(name.to_owned());
        for target in table.columns.values().filter_map(|column| column.references.as_deref()) {
            visit(schema, target, path, order)?;
        }
        path.pop();
        order.push(name.to_owned());
        Ok(())
    }
    let mut order = Vec::new();
    for name in schema.tables.keys() {
        visit(schema, name, &mut Vec::new(), &mut order)?;
    }
    Ok(order)
}
