CREATE TABLE stock (item VARCHAR(100) PRIMARY KEY, amount INT NOT NULL);
INSERT INTO stock (item, amount) VALUES ('tea', 1);
