//! Writer of the tables as CSV.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;

use nextbest_core::synth::{ALL_TABLES, TABLES, TableBuffers};

use super::{Plan, Tables};

pub(super) struct CsvTables<'f> {
    files: &'f mut [BufWriter<File>],
    /// Rows and bytes of each table.
    sizes: Vec<(usize, u64)>,
}

impl<'f> CsvTables<'f> {
    /// The tables with their headers, in files of their order.
    pub(super) fn new(files: &'f mut [BufWriter<File>]) -> anyhow::Result<Self> {
        let mut sizes = Vec::with_capacity(files.len());
        for (table, file) in ALL_TABLES.iter().zip(&mut *files) {
            let header = table.header();
            file.write_all(header.as_bytes())?;
            sizes.push((0, header.len() as u64));
        }
        Ok(Self { files, sizes })
    }
}

impl Tables for CsvTables<'_> {
    type Part = TableBuffers;

    fn static_rows(plan: &Plan<'_>) -> TableBuffers {
        let mut buffers = TableBuffers::default();
        TABLES.into_iter().for_each(|table| plan.bank.write_static(table, &mut buffers));
        buffers
    }

    fn simulate(plan: &Plan<'_>, customers: Range<u64>) -> anyhow::Result<TableBuffers> {
        let mut buffers = TableBuffers::default();
        for customer in customers {
            plan.bank.write_customer(customer, &mut buffers)?;
            if let Some(question) = plan.question_about(customer) {
                plan.bank.write_truth(customer, question, &mut buffers)?;
            }
        }
        Ok(buffers)
    }

    fn write(&mut self, parts: Vec<TableBuffers>) -> anyhow::Result<()> {
        for part in &parts {
            for ((table, file), (rows, bytes)) in ALL_TABLES.iter().zip(&mut *self.files).zip(&mut self.sizes)
            {
                let text = part.get(*table);
                file.write_all(text)?;
                *rows += text.iter().filter(|byte| **byte == b'\n').count();
                *bytes += text.len() as u64;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<Vec<(usize, u64)>> {
        Ok(self.sizes)
    }
}
