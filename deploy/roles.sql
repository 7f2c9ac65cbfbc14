-- The role of the workers: rows to read and write, no table to make or change. Its password is the variable `password`.
SELECT format('CREATE ROLE stint_worker LOGIN PASSWORD %L', :'password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stint_worker')
\gexec
